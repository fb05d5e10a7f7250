//! Module link.
