//! Segments by prompts: the full pass, the refinement passes, and the retry after a provider's failure.

use super::refine::{Refined, refine_passes};
use super::{Error, ModelFrame, Prompts, Refine, Segmentation, Session, Ticket};
use crate::model::{Host, HostError};

/// Encodes the host's image, so that the first click in it need not; does nothing where it is encoded.
pub async fn encode_image<H: Host>(session: &mut Session<H::Resident>, host: &H) -> Result<(), Error> {
    let encoded = encode(session, host).await;
    if !fell_back(session, host, &encoded).await? {
        return encoded;
    }
    encode(session, host).await
}

/// Segments the host's image by the prompts.
///
/// `refine` names an earlier segmentation whose logits are fed back to the model, so that it corrects that
/// mask instead of beginning anew. The logits of the last 16 segmentations of an image are kept, each under
/// its `ticket`; a ticket that is not kept is the same as `None`.
///
/// `on_provisional` gets the first result where refinement passes follow. Before each of these the host is
/// asked whether the click is cancelled; then the error's code is `cancelled`.
pub async fn click<H: Host>(
    session: &mut Session<H::Resident>,
    host: &H,
    prompts: &Prompts,
    refine: Option<Refine>,
    ticket: Ticket,
    mut on_provisional: impl FnMut(&Segmentation),
) -> Result<Segmentation, Error> {
    let segmented = segment(session, host, prompts, refine, ticket, &mut on_provisional).await;
    if !fell_back(session, host, &segmented).await? {
        return segmented;
    }
    segment(session, host, prompts, refine, ticket, &mut on_provisional).await
}

/// Runs all passes of a click once.
async fn segment<H: Host>(
    session: &mut Session<H::Resident>,
    host: &H,
    prompts: &Prompts,
    refine: Option<Refine>,
    ticket: Ticket,
    on_provisional: &mut impl FnMut(&Segmentation),
) -> Result<Segmentation, Error> {
    let frame = frame_of(session, host)?;
    prompts.check(&frame)?;
    let mask_input = refine.map(|refine| session.logits_of(refine)).transpose()?.flatten();
    if !session.has_image() {
        session.encode(host, frame).await?;
        check_cancelled(host).await?;
    }
    let decoded = session.decode(host, frame, prompts.clone(), mask_input).await?;
    let mut result = Refined::new(decoded)?;
    let refined = refine_passes(session, host, prompts, &mut result, on_provisional).await;
    // Also where it was cancelled: the provisional result was shown, and may be refined.
    session.keep(ticket, result.logits);
    refined.map(|()| result.segmentation)
}

async fn encode<H: Host>(session: &mut Session<H::Resident>, host: &H) -> Result<(), Error> {
    let frame = frame_of(session, host)?;
    session.encode(host, frame).await
}

fn frame_of<H: Host>(session: &Session<H::Resident>, host: &H) -> Result<ModelFrame, Error> {
    ModelFrame::new(host.image_size()?, session.model().encoder.size)
}

/// Goes over to the host's next provider where one failed or computed what is not finite. Returns
/// whether the work is to be done again.
async fn fell_back<H: Host, T>(
    session: &mut Session<H::Resident>,
    host: &H,
    outcome: &Result<T, Error>,
) -> Result<bool, Error> {
    let Err(error @ (Error::NotFinite | Error::Host(HostError::Provider { .. }))) = outcome else {
        return Ok(false);
    };
    let fell_back = host.fall_back(&error.to_string()).await?;
    if fell_back {
        session.drop_embeddings();
    }
    Ok(fell_back)
}

/// Fails with [`HostError::Cancelled`] where the host's work is no longer wanted.
pub(super) async fn check_cancelled<H: Host>(host: &H) -> Result<(), Error> {
    if host.is_cancelled().await { Err(HostError::Cancelled.into()) } else { Ok(()) }
}
