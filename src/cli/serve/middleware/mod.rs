//! Layers that every request or every request of the endpoint passes, each with a state of its own.

pub(super) mod auth;
pub(super) mod cors;
pub(super) mod host;
pub(super) mod metrics;
pub(super) mod rate;
