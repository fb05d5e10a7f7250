//! Recorded.
