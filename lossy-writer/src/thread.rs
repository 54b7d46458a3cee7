//! The thread that writes.

use std::{
    io::{self, Write},
    sync::Arc,
    time::Duration,
};

use crate::{Batch, Notice, Queue, count_lines};

/// The time between attempts at a stream that another program has made non-blocking.
const RETRY_INTERVAL: Duration = Duration::from_millis(10);

pub(crate) struct WriterThread<W> {
    queue: Arc<Queue>,
    stream: W,
    notice: Notice,
    /// Dropped lines of which no notice is written yet.
    lost: u64,
    /// True if the stream ends within a line.
    is_torn: bool,
    /// True if the last write succeeded.
    works: bool,
}

impl<W: Write> WriterThread<W> {
    pub(crate) fn new(queue: Arc<Queue>, stream: W, notice: Notice) -> Self {
        Self {
            queue,
            stream,
            notice,
            lost: 0,
            is_torn: false,
            works: true,
        }
    }

    /// Writes until the queue is closed and empty.
    pub(crate) fn run(mut self) {
        // A stream that fails is tried again with the next line.
        while let Some(batch) = self.queue.take(self.works && self.lost > 0) {
            self.write(&batch);
        }
    }

    fn write(&mut self, batch: &Batch) {
        let mut head = Vec::new();
        if self.is_torn {
            head.push(b'\n');
        }
        if self.lost > 0 {
            head.extend_from_slice((self.notice)(self.lost).as_bytes());
        }
        self.works = self.write_text(&head);
        if self.works {
            self.lost = 0;
            self.works = self.write_lines(&batch.lines);
        } else {
            self.lose(&batch.lines);
        }
        self.lost += batch.overflow;
    }

    fn write_lines(&mut self, lines: &[u8]) -> bool {
        let written = write_all(&mut self.stream, lines);
        let (done, rest) = lines.split_at(written.min(lines.len()));
        self.ended_with(done);
        self.lose(rest);
        rest.is_empty()
    }

    fn write_text(&mut self, text: &[u8]) -> bool {
        let written = write_all(&mut self.stream, text);
        self.ended_with(text.get(..written).unwrap_or(text));
        written == text.len()
    }

    fn ended_with(&mut self, written: &[u8]) {
        if let Some(last) = written.last() {
            self.is_torn = *last != b'\n';
        }
    }

    fn lose(&mut self, lines: &[u8]) {
        let lost = count_lines(lines);
        self.lost += lost;
        self.queue.state().dropped += lost;
    }
}

/// Writes as much as the stream takes before it fails, and returns the number of bytes.
fn write_all(stream: &mut impl Write, bytes: &[u8]) -> usize {
    let mut written = 0;
    while let Some(rest) = bytes.get(written..).filter(|rest| !rest.is_empty()) {
        match stream.write(rest) {
            Ok(0) => break,
            Ok(count) => written += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                std::thread::sleep(RETRY_INTERVAL);
            }
            Err(_) => break,
        }
    }
    written
}
