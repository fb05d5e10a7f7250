//! Names of entities as texts that a generative model writes: the codes of [`ald`].

pub mod ald;
