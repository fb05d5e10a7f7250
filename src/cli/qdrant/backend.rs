//! The back end that searches an index by Qdrant.

use std::sync::Arc;

use super::client::{Client, Occasion, RetryPolicy};
use super::collection::Collection;
use super::error::QdrantError;
use super::search::nearest;
use super::stored::{check_complete, check_form, check_sample};
use crate::cli::backend::{Backend, IndexBackend, Properties};
use crate::cli::decoded_image::DecodedImage;
use crate::cli::host::NativeHost;
use crate::link::candidates::CANDIDATES;
use crate::link::protocol::LinkResponse;
use crate::link::search::Query;
use crate::link::{AnswerError, Question, link_with_exemplars};

/// An index whose vectors Qdrant searches. Encoder, entities and calibration are those of the index.
pub struct QdrantBackend {
    index: Arc<IndexBackend>,
    collection: Collection,
}

impl QdrantBackend {
    /// Checks that the collection holds the vectors of the index. At a start, waits a minute for a Qdrant
    /// that does not respond yet.
    pub fn open(
        index: Arc<IndexBackend>,
        collection: Collection,
        occasion: Occasion,
    ) -> Result<Self, QdrantError> {
        let host = NativeHost::default();
        let client = Client { host: &host, collection: &collection, policy: RetryPolicy::of_check(occasion) };
        // Exemplars are numbered by 32 bits.
        let rows = u32::try_from(index.index().vectors().rows()).unwrap_or(u32::MAX);
        pollster::block_on(async {
            check_form(&client, index.index()).await?;
            check_complete(&client, index.index()).await?;
            check_sample(&client, index.index(), 0..rows).await
        })?;
        Ok(Self { index, collection })
    }
}

impl Backend for QdrantBackend {
    fn properties(&self) -> Properties<'_> {
        Properties { is_remote: true, ..self.index.properties() }
    }

    fn prepare(&self, image: &DecodedImage) -> Result<(), AnswerError> {
        self.index.prepare(image)
    }

    fn answer(&self, image: &DecodedImage, question: Question<'_>) -> Result<LinkResponse, AnswerError> {
        let host = self.index.host(image);
        let find = async |query: Query<'_>| {
            Ok(nearest(&host, &self.collection, self.index.index(), query, CANDIDATES).await?)
        };
        pollster::block_on(link_with_exemplars(self.index.linker(), &host, question, image.map(), find))
    }
}
