//! The space left in an outbox.

use std::sync::atomic::{AtomicUsize, Ordering};

/// The messages and bytes that a full outbox with [`WhenFull::Reject`] still accepts. It is set before each call into
/// the component; calls of one device do not overlap.
#[derive(Debug, Default)]
pub struct OutboxQuota {
    messages: AtomicUsize,
    bytes: AtomicUsize,
}

impl OutboxQuota {
    /// Sets the messages and bytes left.
    pub(crate) fn set(&self, messages: usize, bytes: usize) {
        self.messages.store(messages, Ordering::Relaxed);
        self.bytes.store(bytes, Ordering::Relaxed);
    }

    /// Reserves quota for a message of this size; `false` if it is used up.
    pub fn reserve(&self, size: usize) -> bool {
        let messages = self.messages.load(Ordering::Relaxed);
        let bytes = self.bytes.load(Ordering::Relaxed);
        let (Some(messages), Some(bytes)) = (messages.checked_sub(1), bytes.checked_sub(size))
        else {
            return false;
        };
        self.set(messages, bytes);
        true
    }
}
