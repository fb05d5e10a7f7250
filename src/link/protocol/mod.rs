//! The linking protocol v1: its JSON types, its errors, and the client's side of the conversation.

pub mod client;
pub mod problem;
pub mod response;
mod wire;

pub use client::{Endpoint, EndpointAnswer, ask_endpoint, ask_endpoint_patiently, embed_image};
pub use response::EndpointError;
pub use wire::{
    BackendInfo, CachedAnswer, DEFAULT_ENTITIES, EMBED_PATH, EmbedRequest, Evidence, IMAGES_PATH, INFO_PATH,
    ImageRef, InIndex, LINK_PATH, LinkRequest, LinkResponse, MAX_ENTITIES, ModelInfo, ScoredEntity,
    ServerInfo, StoredImage, Timing, is_sha256, sha256_hex,
};
