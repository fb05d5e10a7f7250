//! Numbers of requests, by which late results are told apart.

/// Number of a request and of its result; counts up from 1 in each [`State`](super::State).
pub type Ticket = u32;
