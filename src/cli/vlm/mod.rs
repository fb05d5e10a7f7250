//! Links masks by a vision model that writes the entity's name, behind an endpoint for chat completions. The
//! name becomes entities by BM25 over titles, as generative models without entity codes are measured on OVEN.

pub mod args;
pub mod chat;
pub mod error;
pub mod view;

use std::time::Instant;

use super::backend::{Backend, Properties, millis};
use super::decoded_image::DecodedImage;
use super::index_vectors::wikipedia_by_qid;
use super::titles::index::{TitleIndex, TitleMatch};
use crate::link::encoder::{EncodeError, PoolError};
use crate::link::protocol::problem::Kind;
use crate::link::protocol::{LinkResponse, ModelInfo, ScoredEntity, Timing};
use crate::link::{AnswerError, Question};
use chat::Chat;
use error::VlmError;
use view::View;

/// Maximum number of characters of a name.
const MAX_NAME: usize = 200;
/// Marks around the name that models write.
const MARKS: [char; 9] = ['"', '\'', '`', '*', '_', '“', '”', '#', ' '];
/// Labels that models write before the name.
const LABELS: [&str; 2] = ["answer:", "title:"];
/// Beginnings of sentences that models write before the name, after `T` or `t`, and the signs that must
/// follow. Titles such as "This Is Us" and "This Island Earth" have other capitals, or no such sign.
const SENTENCES: [(&str, &[&str]); 3] = [
    ("he answer is", &[" ", ":"]),
    ("he object is", &[" ", ":"]),
    ("his is", &[":", " \"", " “", " *", " `", " a ", " an ", " the "]),
];
/// Seconds after which a busy model is asked again where it does not say.
const RETRY_AFTER: u64 = 5;
/// Maximum seconds that a client is told to wait.
const MAX_RETRY_AFTER: u64 = 600;

/// A vision model with the titles that its texts are matched to.
pub struct VlmBackend {
    chat: Chat,
    view: View,
    titles: TitleIndex,
    info: ModelInfo,
}

impl VlmBackend {
    /// Creates a back end that shows a model the images of a view.
    pub fn new(chat: Chat, view: View, titles: TitleIndex) -> Self {
        let info = ModelInfo {
            encoder: format!("vlm:{}", chat.model()),
            index_sha256: titles.sha256().to_owned(),
            entities: titles.header().titles,
            ..ModelInfo::default()
        };
        Self { chat, view, titles, info }
    }

    fn link(&self, image: &DecodedImage, mask: &Question<'_>) -> Result<(Vec<TitleMatch>, Timing), VlmError> {
        let started = Instant::now();
        let images = view::images(image, mask.mask, self.view)?;
        let drawn = Instant::now();
        let text = self.chat.ask(question(self.view), &images)?;
        let asked = Instant::now();
        let name = name(&text).ok_or(VlmError::Empty)?;
        tracing::debug!(name, ms = millis(drawn, asked), "the vision model named the mask");
        let found = self.titles.search(name, mask.top_k)?;
        let searched = Instant::now();
        let timing = Timing {
            encode: millis(started, asked),
            search: millis(asked, searched),
            total: millis(started, searched),
            ..Timing::default()
        };
        Ok((found, timing))
    }
}

impl Backend for VlmBackend {
    fn properties(&self) -> Properties<'_> {
        Properties { model: &self.info, encoder: None, is_remote: true }
    }

    fn prepare(&self, _: &DecodedImage) -> Result<(), AnswerError> {
        Ok(())
    }

    fn answer(&self, image: &DecodedImage, question: Question<'_>) -> Result<LinkResponse, AnswerError> {
        let (mask, size) = (question.mask.size(), image.size());
        if mask != size {
            return Err(EncodeError::MaskSize { mask, image: size }.into());
        }
        if question.mask.is_empty() {
            return Err(EncodeError::Pool(PoolError::EmptyMask).into());
        }
        let (found, timing_ms) = self.link(image, &question).map_err(|error| {
            tracing::warn!(error = &error as &dyn std::error::Error, "the vision model linked no mask");
            problem(&error)
        })?;
        let entities = found.into_iter().map(entity).collect();
        Ok(LinkResponse {
            entities,
            in_index: None,
            excluded_image: false,
            uncalibrated: true,
            model: self.info.clone(),
            timing_ms,
        })
    }
}

/// Returns the question that goes with the images of a view.
fn question(view: View) -> &'static str {
    match view {
        View::Outline => {
            "Which entity is the object outlined in magenta? Respond with the title of its article in the \
             English Wikipedia, as specific as the image allows, and nothing else."
        }
        View::Crop => {
            "Which entity is the object in the middle of the image? Respond with the title of its article in \
             the English Wikipedia, as specific as the image allows, and nothing else."
        }
        View::Both => {
            "Which entity is the object outlined in magenta in the first image, and shown larger in the \
             second? Respond with the title of its article in the English Wikipedia, as specific as the \
             images allow, and nothing else."
        }
    }
}

/// Returns the name in a generated text: its first line with a letter or digit, after a section of reasoning,
/// without marks around it; `None` where there is none.
fn name(text: &str) -> Option<&str> {
    let text = text.rsplit_once("</think>").map_or(text, |(_, rest)| rest);
    let line = text.lines().find(|line| line.chars().any(char::is_alphanumeric))?;
    let mut name = line.trim().trim_matches(MARKS);
    for label in LABELS {
        if let Some((head, rest)) = name.split_at_checked(label.len())
            && head.eq_ignore_ascii_case(label)
        {
            name = rest.trim().trim_matches(MARKS);
        }
    }
    let name = after_sentence(name).unwrap_or(name);
    let name = name.strip_suffix('.').unwrap_or(name).trim_matches(MARKS);
    let end = name.char_indices().nth(MAX_NAME).map_or(name.len(), |(at, _)| at);
    name.chars().any(char::is_alphanumeric).then(|| &name[..end])
}

/// Returns what follows the beginning of a sentence; `None` where there is none.
fn after_sentence(name: &str) -> Option<&str> {
    let text = name.strip_prefix(['T', 't'])?;
    let (rest, next) = SENTENCES.iter().find_map(|(head, next)| Some((text.strip_prefix(head)?, next)))?;
    let is_sentence = next.iter().any(|next| rest.starts_with(next));
    is_sentence.then(|| rest.trim_start_matches(':').trim().trim_matches(MARKS))
}

fn entity(TitleMatch { qid, title, share, .. }: TitleMatch) -> ScoredEntity {
    let url = Some(wikipedia_by_qid(&qid)).filter(|_| qid.starts_with('Q'));
    ScoredEntity {
        qid,
        title,
        description: None,
        score: share,
        url,
        thumbnail: None,
        class_label: None,
        broader: false,
        evidence: Vec::new(),
    }
}

/// Returns the problem that a client gets: the endpoint's address and its words stay in the log.
fn problem(error: &VlmError) -> AnswerError {
    let failed = "The operator finds the reason in the server's log.";
    let (kind, detail, retry_after) = match error {
        VlmError::Timeout { .. } | VlmError::Overdue { .. } => {
            (Kind::BackendTimeout, "The vision model did not respond in time. Try again.".to_owned(), None)
        }
        VlmError::Busy { retry_after } => {
            let seconds = retry_after.unwrap_or(RETRY_AFTER).clamp(1, MAX_RETRY_AFTER);
            let detail = format!("The vision model is busy. Try again in {seconds} s.");
            (Kind::Unavailable, detail, Some(seconds))
        }
        VlmError::Declined => {
            let detail = "The vision model refused to name the object. Choose another mask.";
            (Kind::BackendFailed, detail.to_owned(), None)
        }
        VlmError::Empty => {
            let detail = "The vision model named nothing. Choose another mask.";
            (Kind::BackendFailed, detail.to_owned(), None)
        }
        VlmError::Unreachable { .. } => {
            (Kind::BackendFailed, format!("There is no response from the vision model. {failed}"), None)
        }
        VlmError::Key { .. } => {
            (Kind::BackendFailed, format!("The vision model refused the server's key. {failed}"), None)
        }
        VlmError::Refused { status, .. } => {
            let detail = format!("The vision model's server responded with status {status}. {failed}");
            (Kind::BackendFailed, detail, None)
        }
        VlmError::CutOff { .. } => {
            let detail = format!("The vision model's text was cut off before its end. {failed}");
            (Kind::BackendFailed, detail, None)
        }
        VlmError::Malformed { .. } | VlmError::TooLong { .. } => {
            (Kind::BackendFailed, format!("The vision model's response cannot be used. {failed}"), None)
        }
        VlmError::Image(_) | VlmError::Titles(_) => (Kind::Internal, String::new(), None),
    };
    AnswerError::Remote { kind, detail, retry_after }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_in_what_models_write() {
        for (text, expected) in [
            ("Red fox", Some("Red fox")),
            ("  \"Red fox\".\n", Some("Red fox")),
            ("**Answer:** Red fox", Some("Red fox")),
            ("Answer: `Red fox`\nIt has red fur.", Some("Red fox")),
            ("<think>A dog? No.</think>\n\n# Red fox", Some("Red fox")),
            ("The object is Red fox.", Some("Red fox")),
            ("The Object Is Lost", Some("The Object Is Lost")),
            ("The answer is: **Red fox**", Some("Red fox")),
            ("This is \"Red fox\".", Some("Red fox")),
            ("This is the Eiffel Tower", Some("the Eiffel Tower")),
            ("This Is Us", Some("This Is Us")),
            ("This Island Earth", Some("This Island Earth")),
            ("this island earth", Some("this island earth")),
            ("The Answer Is a Question", Some("The Answer Is a Question")),
            ("Answer: This Is Us", Some("This Is Us")),
            ("Washington, D.C.", Some("Washington, D.C")),
            ("狐", Some("狐")),
            ("", None),
            (" \n...\n**", None),
            ("<think>Red fox</think>", None),
        ] {
            assert_eq!(name(text), expected, "{text:?}");
        }
        assert_eq!(name(&"é".repeat(MAX_NAME + 1)).unwrap().chars().count(), MAX_NAME);
    }
}
