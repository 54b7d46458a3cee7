//! The versions of a device's component: which runs, which it may fall back to, and the history of swaps.

mod fallback;
mod history;
mod report;
mod step;
mod version_table;

pub(crate) use self::report::host_report;
pub use self::{
    fallback::{Fallback, FallbackState, PreviousExit, ProbationMarks},
    history::{History, HistoryEntry},
    step::{SwapSource, SwapStep},
    version_table::{Quarantined, RunningVersion, Settings, VersionInfo, Versions},
};
