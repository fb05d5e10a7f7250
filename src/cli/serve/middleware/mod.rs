//! Layers that requests pass on their way to a route, each with a state of its own.

pub(super) mod auth;
pub(super) mod cors;
pub(super) mod headers;
pub(super) mod host;
pub(super) mod metrics;
pub(super) mod rate;
pub(super) mod request_id;
