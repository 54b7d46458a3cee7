use std::{
    io::{BufRead, BufReader, Read, pipe},
    sync::{
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    time::Duration,
};

use super::*;

fn notice(dropped: u64) -> String {
    dropped_lines(dropped) + "\n"
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

#[test]
fn nothing_is_lost_while_somebody_reads() {
    let (reader, stream) = pipe().unwrap();
    let writer = LossyWriter::spawn("test", stream, notice).unwrap();
    let reading = std::thread::spawn(|| BufReader::new(reader).lines().count());
    for number in 0..100_000 {
        writer.line(&number.to_string());
    }
    assert!(writer.flush_until(soon()));
    assert_eq!(writer.dropped(), 0);
    drop(writer);
    assert_eq!(reading.join().unwrap(), 100_000);
}

#[test]
fn lines_that_nobody_reads_are_dropped_and_the_reader_is_told_how_many_and_where() {
    let (reader, stream) = pipe().unwrap();
    let writer = LossyWriter::spawn("test", stream, notice).unwrap();
    let sent = 10 * CAPACITY / 8;
    for number in 0..sent {
        writer.line(&format!("{number:07}"));
    }
    let flushed = writer.flush_until(Instant::now() + Duration::from_millis(10));
    assert!(!flushed, "nobody reads");
    let dropped = writer.dropped();
    assert!(dropped > sent as u64 / 2, "{dropped}");

    let mut lines = BufReader::new(reader).lines().map(Result::unwrap);
    let read: Vec<_> = lines.by_ref().take(sent - dropped as usize).collect();
    let expected = (0..read.len()).map(|number| format!("{number:07}"));
    assert!(read.iter().eq(expected.collect::<Vec<_>>().iter()));
    assert_eq!(lines.next().unwrap(), format!("{dropped} lines dropped"));
    writer.line("next");
    assert_eq!(lines.next().unwrap(), "next");
}

#[test]
fn a_stream_without_a_reader_loses_lines_and_nothing_else() {
    let (reader, stream) = pipe().unwrap();
    drop(reader);
    let writer = LossyWriter::spawn("test", stream, notice).unwrap();
    for _ in 0..10 {
        writer.line("lost");
        assert!(writer.flush_until(soon()));
    }
    assert_eq!(writer.dropped(), 10);
}

/// A disk that is full: it takes three bytes more, and then none.
struct FullDisk {
    is_full: Arc<AtomicBool>,
    free: usize,
    written: mpsc::Sender<u8>,
}

impl Write for FullDisk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = match self.is_full.load(Ordering::SeqCst) {
            true => bytes.len().min(self.free),
            false => bytes.len(),
        };
        if count == 0 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        if self.is_full.load(Ordering::SeqCst) {
            self.free -= count;
        }
        for byte in bytes.iter().take(count) {
            self.written.send(*byte).unwrap();
        }
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn after_a_full_disk_the_next_line_is_whole_and_follows_the_notice() {
    let is_full = Arc::new(AtomicBool::new(true));
    let (written, bytes) = mpsc::channel();
    let disk = FullDisk {
        is_full: is_full.clone(),
        free: 3,
        written,
    };
    let writer = LossyWriter::spawn("test", disk, notice).unwrap();
    for line in ["first", "second"] {
        writer.line(line);
        assert!(writer.flush_until(soon()));
    }
    is_full.store(false, Ordering::SeqCst);
    writer.line("third");
    assert!(writer.flush_until(soon()));
    drop(writer);
    let written: Vec<u8> = bytes.iter().collect();
    assert_eq!(
        String::from_utf8(written).unwrap(),
        "fir\n2 lines dropped\nthird\n"
    );
}

#[test]
fn a_stream_that_another_program_made_non_blocking_is_waited_for() {
    let (mut reader, stream) = pipe().unwrap();
    rustix::fs::fcntl_setfl(&stream, rustix::fs::OFlags::NONBLOCK).unwrap();
    let writer = LossyWriter::spawn("test", stream, notice).unwrap();
    let line = "x".repeat(CAPACITY / 2);
    writer.line(&line);
    let mut read = vec![0; line.len() + 1];
    reader.read_exact(&mut read).unwrap();
    assert!(writer.flush_until(soon()));
    assert_eq!(writer.dropped(), 0);
}
