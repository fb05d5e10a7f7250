//! Handlers of the routes.

pub(super) mod admin;
pub(super) mod files;
pub(super) mod health;
pub(super) mod images;
pub(super) mod info;
pub(super) mod link;
pub(super) mod openapi;
