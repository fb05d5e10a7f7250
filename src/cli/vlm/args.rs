//! Arguments of the back end that asks a vision model.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;

use super::VlmBackend;
use super::chat::{Chat, Endpoint};
use super::view::View;
use crate::cli::remote;
use crate::cli::titles::index::TitleIndex;

/// Arguments that name a vision model, and the titles that its texts are matched to.
#[derive(Clone, clap::Args)]
pub struct VlmArgs {
    /// Address of an endpoint for chat completions of `OpenAI`'s form, as vLLM and llama.cpp have it, for
    /// --backend vlm: images go to URL/v1/chat/completions.
    #[arg(long, value_name = "URL", requires_all = ["vlm_model", "titles"])]
    vlm: Option<String>,
    /// Name of the vision model, as its server knows it.
    #[arg(long, value_name = "NAME", requires = "vlm")]
    vlm_model: Option<String>,
    /// Images that the model sees: the whole image with the mask's outline, the part around it, or both.
    #[arg(long, value_name = "VIEW", requires = "vlm", value_enum, default_value = "both")]
    vlm_view: View,
    /// Maximum seconds for the model's response, 1 to 25; the page itself waits 15.
    #[arg(long, value_name = "SECONDS", requires = "vlm", default_value_t = 12,
          value_parser = clap::value_parser!(u64).range(1..=25))]
    vlm_timeout: u64,
    /// Key that the model's server requires; safer in `MASKLINK_VLM_KEY`, which other users cannot see.
    #[arg(long, value_name = "KEY", requires = "vlm")]
    vlm_key: Option<String>,
    /// Folder of titles from `masklink titles index`.
    #[arg(long, value_name = "DIR", requires = "vlm")]
    titles: Option<PathBuf>,
}

/// A checked choice of a vision model; the titles are opened each time the server loads its back ends.
pub struct VlmChoice {
    endpoint: Endpoint,
    view: View,
    titles: PathBuf,
}

impl VlmArgs {
    /// Returns whether one of the arguments was given; all others need --vlm.
    pub fn is_given(&self) -> bool {
        self.vlm.is_some()
    }

    /// Checks the arguments, and reads the key.
    pub fn check(self) -> anyhow::Result<VlmChoice> {
        let missing = "--backend vlm needs --vlm URL, --vlm-model NAME and --titles DIR";
        let (url, model) = (self.vlm.context(missing)?, self.vlm_model.context(missing)?);
        let key = remote::secret("key", ("--vlm-key", self.vlm_key), "MASKLINK_VLM_KEY")?;
        let timeout = Duration::from_secs(self.vlm_timeout);
        let endpoint = Endpoint { url, model, key, timeout };
        Chat::new(&endpoint)?;
        Ok(VlmChoice { endpoint, view: self.vlm_view, titles: self.titles.context(missing)? })
    }
}

impl VlmChoice {
    /// Opens the titles.
    pub fn open(&self) -> anyhow::Result<VlmBackend> {
        let titles = TitleIndex::open(&self.titles)?;
        tracing::info!("matches the vision model's texts to {} titles", titles.header().titles);
        Ok(VlmBackend::new(Chat::new(&self.endpoint)?, self.view, titles))
    }
}
