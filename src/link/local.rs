//! Linking by an index in memory: one async function over a [`Host`], for the server and the page.

use std::sync::OnceLock;

use super::candidates::{CANDIDATES, Nearest, Ranked, Scored, ranked};
use super::encoder::input::{EncodeError, join};
use super::encoder::manifest::EncoderManifest;
use super::encoder::pool::FeatureMap;
use super::encoder::run;
use super::index::{Entity, Exemplar, Index, QueryError};
use super::protocol::problem::Kind;
use super::protocol::{Evidence, LinkResponse, ModelInfo, ScoredEntity, Timing};
use super::search::engine::Engine;
use super::search::{Hit, Query, Search as _, cpu};
use crate::model::{Host, HostError};
use crate::rle::Mask;

/// Maximum number of exemplars shown for an entity.
const MAX_EVIDENCE: usize = 3;

/// An index to link masks with.
#[derive(Clone, Debug)]
pub struct LocalLinker {
    index: Index,
    engine: Engine,
    model: ModelInfo,
}

/// Errors of linking a mask.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum AnswerError {
    /// The mask has no feature, or the encoder could not be run.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// The feature cannot be searched for in this index.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// Another server that links masks could not be used.
    #[error("{}: {detail}", kind.title())]
    Remote {
        /// Kind of the problem.
        kind: Kind,
        /// Description for clients.
        detail: String,
        /// Seconds after which to try again, where that helps.
        retry_after: Option<u64>,
    },
}

/// A mask to link.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// The mask, of the image's size as displayed.
    pub mask: &'a Mask,
    /// SHA-256 of the encoded image, whose own exemplars do not count; `None` where it has none.
    pub image_sha256: Option<&'a str>,
    /// Maximum number of entities to return.
    pub top_k: usize,
}

/// Links a mask in the host's image: returns the likeliest entities.
///
/// `image_map` keeps the feature map of the whole image for the next mask in it; it must be empty
/// or of the same image. Before each run of the encoder the host is asked whether the work is
/// cancelled; then the error's code is `cancelled`. The timing's `queue` is 0.
pub async fn answer<H: Host>(
    linker: &LocalLinker,
    host: &H,
    question: Question<'_>,
    image_map: &OnceLock<FeatureMap>,
) -> Result<LinkResponse, AnswerError> {
    let Question { mask, image_sha256, top_k } = question;
    let search = async |feature: &[f32]| Ok(linker.search(feature, image_sha256, top_k)?);
    encode_and_search(linker.index.encoder(), (host, mask, image_map), search).await
}

/// Links a mask with the exemplars that `find` returns for its vector: those of at most [`CANDIDATES`]
/// entities, the nearest first, equal ones by rising QID.
pub async fn link_with_exemplars<H: Host>(
    linker: &LocalLinker,
    host: &H,
    question: Question<'_>,
    image_map: &OnceLock<FeatureMap>,
    find: impl AsyncFnOnce(Query<'_>) -> Result<Vec<Hit>, AnswerError>,
) -> Result<LinkResponse, AnswerError> {
    let Question { mask, image_sha256, top_k } = question;
    let search = async |feature: &[f32]| {
        let vector = linker.index.query(feature)?;
        let query = Query { vector: &vector, except_image: linker.image_of(image_sha256) };
        let exemplars = find(query).await?;
        Ok(linker.respond(feature, query, exemplars, top_k))
    };
    encode_and_search(linker.index.encoder(), (host, mask, image_map), search).await
}

/// Computes a mask's feature, searches with it, and adds the timing to the response of the search.
pub(super) async fn encode_and_search<H: Host, E: From<EncodeError>>(
    encoder: &EncoderManifest,
    (host, mask, image_map): (&H, &Mask, &OnceLock<FeatureMap>),
    search: impl AsyncFnOnce(&[f32]) -> Result<LinkResponse, E>,
) -> Result<LinkResponse, E> {
    let started = host.now_millis();
    let maps = run::maps(encoder, host, mask, image_map).await?;
    let encoded = host.now_millis();
    let feature = join(encoder, &maps, mask)?;
    let pooled = host.now_millis();
    let response = search(&feature).await?;
    let searched = host.now_millis();
    let timing_ms = Timing {
        queue: 0.0,
        encode: encoded - started,
        pool: pooled - encoded,
        search: searched - pooled,
        total: searched - started,
    };
    Ok(LinkResponse { timing_ms, ..response })
}

impl LocalLinker {
    /// Creates a linker of an index whose header has this SHA-256.
    pub fn new(index: Index, index_sha256: String) -> Self {
        let model = ModelInfo {
            encoder: index.encoder().id.clone(),
            encoder_sha256: index.encoder().sha256.clone(),
            index_sha256,
            entities: index.entities().len() as u64,
            exemplars: index.exemplars().len() as u64,
            prototypes: index.prototypes().rows().len() as u64,
        };
        Self { index, engine: Engine::default(), model }
    }

    /// Searches by an engine that was prepared for the same index.
    #[must_use]
    pub fn with_engine(self, engine: Engine) -> Self {
        Self { engine, ..self }
    }

    /// Returns the ids and hashes that responses state, and the size of the index.
    pub fn model(&self) -> &ModelInfo {
        &self.model
    }

    /// Returns the index.
    pub fn index(&self) -> &Index {
        &self.index
    }

    /// Returns the `top_k` likeliest entities of a mask's feature, without timing. Exemplars of the image
    /// with the SHA-256 `image_sha256` do not count.
    pub fn search(
        &self,
        feature: &[f32],
        image_sha256: Option<&str>,
        top_k: usize,
    ) -> Result<LinkResponse, QueryError> {
        let vector = self.index.query(feature)?;
        let query = Query { vector: &vector, except_image: self.image_of(image_sha256) };
        let searcher = self.engine.searcher(&self.index);
        let exemplars = searcher.nearest(&[query], CANDIDATES).swap_remove(0);
        Ok(self.respond(feature, query, exemplars, top_k))
    }

    /// Returns the number of the image with this SHA-256, where the index has exemplars of it.
    fn image_of(&self, image_sha256: Option<&str>) -> Option<u32> {
        image_sha256.and_then(|sha256| self.index.image_with_sha256(sha256))
    }

    /// Returns the response to a mask's feature whose nearest exemplars were found.
    fn respond(&self, feature: &[f32], query: Query<'_>, exemplars: Vec<Hit>, top_k: usize) -> LinkResponse {
        let nearest = Nearest::with_exemplars(&self.index, feature, exemplars);
        let Ranked { entities, in_index } = ranked(&self.index, self.index.calibration(), &nearest);
        let entities = entities.into_iter().take(top_k).map(|scored| self.entity(query, scored)).collect();
        let (excluded_image, timing_ms) = (query.except_image.is_some(), Timing::default());
        LinkResponse {
            entities,
            in_index,
            excluded_image,
            uncalibrated: false,
            model: self.model.clone(),
            timing_ms,
        }
    }

    fn entity(&self, query: Query<'_>, Scored { entity, score, broader }: Scored) -> ScoredEntity {
        let nearest = cpu::nearest_exemplars(&self.index, query, entity, MAX_EVIDENCE);
        let evidence = nearest.into_iter().map(|(at, similarity)| {
            let Exemplar { annotation, image, bounds, outline, .. } = self.index.exemplars()[at].clone();
            Evidence { annotation, image, bounds, outline, similarity }
        });
        let evidence = evidence.collect();
        let Entity { qid, title, description, url, thumbnail, class_label, .. } =
            self.index.entities()[entity as usize].clone();
        ScoredEntity { qid, title, description, score, url, thumbnail, class_label, broader, evidence }
    }
}

impl AnswerError {
    /// Returns the code of the error, which programs may rely on.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Encode(EncodeError::MaskSize { .. } | EncodeError::Pool(_)) => "bad-mask",
            Self::Encode(EncodeError::Host(error)) => error.code(),
            Self::Encode(EncodeError::Pixels(_) | EncodeError::TooThin { .. }) => "image-unreadable",
            Self::Query(_) => "index-unusable",
            Self::Remote { kind, .. } => kind.code(),
        }
    }
}

impl From<HostError> for AnswerError {
    fn from(error: HostError) -> Self {
        Self::Encode(error.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::{PixelRect, Size};
    use crate::link::encoder::{EncoderManifest, EncoderView, PoolError};
    use crate::link::index::IMAGE_HASH_DIGITS;
    use crate::link::index::build::Material;
    use crate::link::index::vectors::Element;
    use crate::model::test_host::{Run, TestHost};
    use crate::model::{Data, GraphId, Tensor};

    const IMAGE: Size = Size::new(8, 8);

    /// Features of two dimensions, the first of the whole image and the second of the crop.
    fn linker() -> LocalLinker {
        let mut encoder = EncoderManifest { id: "e".to_owned(), ..EncoderManifest::default() };
        encoder.views = vec![EncoderView::Image, EncoderView::Crop];
        (encoder.input.width, encoder.input.height, encoder.input.std) = (2, 2, [1.0; 3]);
        (encoder.input.name, encoder.output.name) = ("image".to_owned(), "features".to_owned());
        let entity = |qid: &str| Entity { qid: qid.to_owned(), ..Entity::default() };
        let exemplar = |entity, annotation: &str| Exemplar {
            entity,
            annotation: annotation.to_owned(),
            image_hash: image_sha256(annotation)[..IMAGE_HASH_DIGITS].to_owned(),
            ..Exemplar::default()
        };
        let exemplars = vec![
            (exemplar(0, "a"), vec![1.0, 0.0, 1.0, 0.0]),
            (exemplar(1, "b"), vec![0.0, 1.0, 1.0, 0.0]),
            (exemplar(1, "c"), vec![0.0, 1.0, 0.0, 1.0]),
        ];
        let entities = vec![entity("Q1"), entity("Q2")];
        let material = Material { entities, exemplars, ..Material::default() };
        let index = Index::build(encoder, Element::F32, material).unwrap();
        LocalLinker::new(index, "sha256 of the header".to_owned())
    }

    /// An output whose feature is the same everywhere.
    fn output(feature: [f32; 2]) -> Vec<Tensor> {
        let cells = feature.iter().flat_map(|&value| [value; 4]).collect();
        vec![Tensor::new([1, 2, 2, 2], Data::F32(cells)).unwrap()]
    }

    fn mask() -> Mask {
        let inside = (0..64).map(|at| u8::from((2..4).contains(&(at / 8)) && (2..4).contains(&(at % 8))));
        Mask::from_row_major(IMAGE, &inside.collect::<Vec<_>>()).unwrap()
    }

    fn ask(host: &TestHost, mask: &Mask, map: &OnceLock<FeatureMap>) -> Result<LinkResponse, AnswerError> {
        pollster::block_on(answer(&linker(), host, Question { mask, image_sha256: None, top_k: 1 }, map))
    }

    #[test]
    fn exemplars_of_the_asked_image_are_left_out_of_search_and_evidence() {
        let linker = linker();
        let asked = |sha256: Option<&str>| linker.search(&[0.0, 1.0, 0.0, 1.0], sha256, 3).unwrap();
        let evidence = |response: &LinkResponse, qid: &str| {
            let of_entity = response.entities.iter().filter(|entity| entity.qid == qid);
            of_entity
                .flat_map(|entity| &entity.evidence)
                .map(|one| one.annotation.clone())
                .collect::<Vec<_>>()
        };
        let all = asked(None);
        assert_eq!((evidence(&all, "Q2"), all.excluded_image), (vec!["c".to_owned(), "b".to_owned()], false));
        let unknown = asked(Some(&"0".repeat(64)));
        assert_eq!(unknown, all);
        let own = asked(Some(&image_sha256("c")));
        assert_eq!((evidence(&own, "Q2"), own.excluded_image), (vec!["b".to_owned()], true));
        let score =
            |response: &LinkResponse| response.entities.iter().find(|one| one.qid == "Q2").unwrap().score;
        assert!(score(&own) < score(&all), "{own:?} {all:?}");
        // The entity is known by this image alone.
        let own = asked(Some(&image_sha256("a")));
        assert!(own.entities.iter().all(|entity| entity.qid != "Q1"), "{own:?}");
        assert!(asked(None).entities.iter().any(|entity| entity.qid == "Q1"));
    }

    /// Returns the SHA-256 of the image of an exemplar.
    fn image_sha256(annotation: &str) -> String {
        crate::link::protocol::sha256_hex(annotation.as_bytes())
    }

    #[test]
    fn answer_is_the_nearest_entity_with_its_nearest_exemplar_first() {
        let host = TestHost::new(IMAGE);
        host.outputs.borrow_mut().extend([Ok(output([0.1, 2.0])), Ok(output([0.0, 3.0]))]);
        let response = ask(&host, &mask(), &OnceLock::new()).unwrap();
        let [entity] = &response.entities[..] else { panic!("{response:?}") };
        assert_eq!(entity.qid, "Q2");
        let evidence: Vec<_> = entity.evidence.iter().map(|one| one.annotation.as_str()).collect();
        assert_eq!(evidence, ["c", "b"]);
        assert_eq!((&*response.model.index_sha256, response.model.exemplars), ("sha256 of the header", 3));
        assert_eq!(response.timing_ms, Timing { encode: 10.0, total: 10.0, ..Timing::default() });
    }

    #[test]
    fn whole_image_is_encoded_once_for_all_its_masks() {
        let (host, map) = (TestHost::new(IMAGE), OnceLock::new());
        let outputs = [[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]].map(|feature| Ok(output(feature)));
        host.outputs.borrow_mut().extend(outputs);
        pollster::block_on(run::prepare(linker().index().encoder(), &host, &map)).unwrap();
        ask(&host, &mask(), &map).unwrap();
        ask(&host, &mask(), &map).unwrap();
        let windows = host.windows.borrow();
        let whole = PixelRect { x: 0, y: 0, width: 8, height: 8 };
        assert_eq!(windows.iter().filter(|window| **window == whole).count(), 1, "{windows:?}");
        assert_eq!(windows.len(), 3);
        for Run { graph, inputs, outputs, .. } in &*host.runs.borrow() {
            let [(name, input)] = &inputs[..] else { panic!("{inputs:?}") };
            assert_eq!(
                (graph, &**name, &outputs[..]),
                (&GraphId::LinkEncoder, "image", &["features".to_owned()][..])
            );
            assert_eq!(input.to_string(), "float32[1, 3, 2, 2]");
        }
    }

    #[test]
    fn cancelled_answer_runs_the_encoder_no_further() {
        for runs in [0, 1] {
            let (host, map) = (TestHost::new(IMAGE), OnceLock::new());
            host.outputs.borrow_mut().push_back(Ok(output([1.0, 0.0])));
            host.cancelled_from.set(Some(runs));
            let error = ask(&host, &mask(), &map).unwrap_err();
            assert_eq!((error.code(), host.windows.borrow().len()), ("cancelled", runs));
            assert_eq!(map.get().is_some(), runs == 1, "the next mask finds the whole image encoded");
        }
    }

    #[test]
    fn wrong_outputs_and_masks_have_their_codes() {
        let wrong_shape = vec![Tensor::from(Data::F32(vec![1.0; 8]))];
        let not_floats = vec![Tensor::new([1, 1, 1, 1], Data::U8(vec![1])).unwrap()];
        let too_long = vec![Tensor::new([1, 3, 1, 1], Data::F32(vec![1.0; 3])).unwrap()];
        let failed = HostError::Run { reason: "no memory".to_owned() };
        for (first, code) in [
            (Ok(wrong_shape), "model-output"),
            (Ok(not_floats), "model-output"),
            (Ok(Vec::new()), "model-output"),
            (Ok(too_long), "index-unusable"),
            (Ok(output([0.0, 0.0])), "bad-mask"),
            (Err(failed), "model-run"),
        ] {
            let host = TestHost::new(IMAGE);
            host.outputs.borrow_mut().extend([first.clone(), Ok(output([1.0, 0.0]))]);
            let error = ask(&host, &mask(), &OnceLock::new()).unwrap_err();
            assert_eq!(error.code(), code, "{first:?}: {error}");
        }
        for (mask, expected) in [
            (Mask::empty(IMAGE), EncodeError::Pool(PoolError::EmptyMask)),
            (Mask::empty(Size::new(8, 9)), EncodeError::MaskSize { mask: Size::new(8, 9), image: IMAGE }),
        ] {
            let error = ask(&TestHost::new(IMAGE), &mask.unwrap(), &OnceLock::new()).unwrap_err();
            assert_eq!((error.code(), error), ("bad-mask", AnswerError::Encode(expected)));
        }
    }
}
