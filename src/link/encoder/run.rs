//! Running an encoder on a [`Host`]: the feature maps of its views, and the feature of a mask.

use std::borrow::Cow;
use std::sync::OnceLock;

use super::input::{EncodeError, EncodeJob, join};
use super::manifest::{EncoderManifest, EncoderView, Join};
use super::pool::FeatureMap;
use crate::model::{GraphId, Host, HostError, Input};
use crate::rle::Mask;

/// Computes the part of the work that depends on the host's image alone, so that later masks find it done.
///
/// `image_map` keeps the feature map of the whole image; it must be empty or of the same image.
pub async fn prepare<H: Host>(
    encoder: &EncoderManifest,
    host: &H,
    image_map: &OnceLock<FeatureMap>,
) -> Result<(), EncodeError> {
    if encoder.views.contains(&EncoderView::Image) {
        image(encoder, host, image_map).await?;
    }
    Ok(())
}

/// Computes the feature of a mask: the pooled features of the manifest's views, joined as it says.
pub async fn feature<H: Host>(
    encoder: &EncoderManifest,
    host: &H,
    mask: &Mask,
    image_map: &OnceLock<FeatureMap>,
) -> Result<Vec<f32>, EncodeError> {
    join(encoder, &maps(encoder, host, mask, image_map).await?, mask)
}

/// Computes the length of the features of masks, by one run on the host's image.
pub async fn dimensions<H: Host>(encoder: &EncoderManifest, host: &H) -> Result<usize, EncodeError> {
    let map = run(&EncodeJob::of_image(encoder, host.image_size()?), host).await?;
    Ok(match encoder.join {
        Join::Concat => map.channels() * encoder.views.len(),
        Join::Mean => map.channels(),
    })
}

/// Computes the feature maps of the manifest's views for a mask, in their order.
pub(in crate::link) async fn maps<'m, H: Host>(
    encoder: &EncoderManifest,
    host: &H,
    mask: &Mask,
    image_map: &'m OnceLock<FeatureMap>,
) -> Result<Vec<Cow<'m, FeatureMap>>, EncodeError> {
    let size = host.image_size()?;
    let mut maps = Vec::with_capacity(encoder.views.len());
    for view in &encoder.views {
        let job = EncodeJob::new(encoder, *view, size, mask)?;
        maps.push(match view {
            EncoderView::Image => Cow::Borrowed(image(encoder, host, image_map).await?),
            EncoderView::Crop | EncoderView::Surroundings => Cow::Owned(run(&job, host).await?),
        });
    }
    Ok(maps)
}

async fn image<'m, H: Host>(
    encoder: &EncoderManifest,
    host: &H,
    image_map: &'m OnceLock<FeatureMap>,
) -> Result<&'m FeatureMap, EncodeError> {
    if let Some(map) = image_map.get() {
        return Ok(map);
    }
    let map = run(&EncodeJob::of_image(encoder, host.image_size()?), host).await?;
    Ok(image_map.get_or_init(|| map))
}

async fn run<H: Host>(job: &EncodeJob<'_>, host: &H) -> Result<FeatureMap, EncodeError> {
    if host.is_cancelled().await {
        return Err(HostError::Cancelled.into());
    }
    let input = job.input(&host.pixels(job.window())?.pixels()?)?;
    let (name, output) = (job.manifest.input.name.as_str(), job.manifest.output.name.as_str());
    let outputs = host.run(GraphId::LinkEncoder, &[(name, Input::Tensor(&input))], &[output]).await?;
    job.feature_map(outputs.into_iter().next())
}
