//! Segments by prompts: the full pass, the refinement passes, and the retry after a provider's failure.

use super::crop::{first_region, regrid, unknown};
use super::refine::{Refined, check_cancelled, refine_passes};
use super::{Error, ModelFrame, Prompts, Refine, Segmentation, Session, Ticket};
use crate::geometry::Rect;
use crate::model::{Host, HostError};

/// A question to the model about the host's image.
#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    /// Names the result, for a later [`Refine`].
    pub ticket: Ticket,
    /// Points and boxes.
    pub prompts: Prompts,
    /// An earlier segmentation whose logits are fed back to the model, so that it corrects that mask instead
    /// of beginning anew. The logits of the last 16 segmentations of an image are kept; a ticket that is not
    /// kept is the same as `None`.
    pub refine: Option<Refine>,
    /// The part of the image that is shown, in image space; `None` where all of it is. The model looks at a
    /// small part of a large image by itself.
    pub view: Option<Rect>,
}

/// Encodes the host's image, so that the first click in it need not; does nothing where it is encoded.
///
/// Afterwards the host is asked whether the work is cancelled; then the error's code is `cancelled`, and the
/// embedding is kept for the next click.
pub async fn encode_image<H: Host>(session: &mut Session<H::Resident>, host: &H) -> Result<(), Error> {
    let frame = frame_of(session, host)?;
    let encoded = encode(session, host, frame).await;
    if !fell_back(session, host, &encoded).await? {
        return encoded;
    }
    encode(session, host, frame).await
}

/// Segments the host's image by the prompts.
///
/// `on_provisional` gets the first result where refinement passes follow. After the image is encoded and
/// before each of these passes the host is asked whether the click is cancelled; then the error's code is
/// `cancelled`.
pub async fn click<H: Host>(
    session: &mut Session<H::Resident>,
    host: &H,
    question: &Question,
    mut on_provisional: impl FnMut(&Segmentation),
) -> Result<Segmentation, Error> {
    let segmented = segment(session, host, question, &mut on_provisional).await;
    if !fell_back(session, host, &segmented).await? {
        return segmented;
    }
    segment(session, host, question, &mut on_provisional).await
}

/// Segments by the embedding of the whole image alone: one run of the decoder, whose logits are not kept.
///
/// Returns `None` where the image is not encoded.
pub async fn preview<H: Host>(
    session: &mut Session<H::Resident>,
    host: &H,
    prompts: &Prompts,
) -> Result<Option<Segmentation>, Error> {
    if !session.has_image() {
        return Ok(None);
    }
    let whole = frame_of(session, host)?;
    prompts.check(&whole)?;
    let result = decode_in(session, host, whole, prompts, None).await?;
    Ok(Some(result.segmentation))
}

/// Runs all passes of a click once.
async fn segment<H: Host>(
    session: &mut Session<H::Resident>,
    host: &H,
    question: &Question,
    on_provisional: &mut impl FnMut(&Segmentation),
) -> Result<Segmentation, Error> {
    let whole = frame_of(session, host)?;
    question.prompts.check(&whole)?;
    let mut result = first_pass(session, host, question, whole).await?;
    let refined = refine_passes(session, host, &question.prompts, &mut result, on_provisional).await;
    if let Some(rect) = question.prompts.rect() {
        result.keep_to_box(rect)?;
    }
    // Also where it was cancelled: the provisional result was shown, and may be refined.
    session.keep(question.ticket, result.frame, result.logits);
    refined.map(|()| result.segmentation)
}

/// Runs the model on the part of the image that is looked at first, or on the whole image.
async fn first_pass<H: Host>(
    session: &mut Session<H::Resident>,
    host: &H,
    question: &Question,
    whole: ModelFrame,
) -> Result<Refined, Error> {
    let Question { prompts, refine, view, .. } = question;
    let earlier = refine.map(|refine| session.logits_of(refine)).transpose()?.flatten();
    if let Some(region) = first_region(prompts, *view, &whole) {
        let part = ModelFrame::of_region(whole.image, region, whole.side);
        let result = decode_in(session, host, part, prompts, earlier.as_ref()).await?;
        // An object that goes on beyond what is shown is looked for in the whole image.
        if prompts.rect().is_some() || !result.is_cut_off() {
            return Ok(result);
        }
        check_cancelled(host).await?;
    }
    encode(session, host, whole).await?;
    decode_in(session, host, whole, prompts, earlier.as_ref()).await
}

/// Runs the decoder on a frame, going on from earlier logits.
async fn decode_in<H: Host>(
    session: &mut Session<H::Resident>,
    host: &H,
    frame: ModelFrame,
    prompts: &Prompts,
    earlier: Option<&(ModelFrame, Vec<f32>)>,
) -> Result<Refined, Error> {
    let side = session.model().decoder.low_res;
    let mask_input = earlier.map(|(from, logits)| {
        if *from == frame {
            return logits.clone();
        }
        let mut cells = unknown(side);
        regrid((from, logits), (&frame, &mut cells), side);
        cells
    });
    Refined::new(session.decode(host, frame, prompts.within(frame.region), mask_input).await?)
}

/// Encodes the image unless it is encoded. Fails where the work was cancelled meanwhile.
async fn encode<H: Host>(
    session: &mut Session<H::Resident>,
    host: &H,
    frame: ModelFrame,
) -> Result<(), Error> {
    if session.has_image() {
        return Ok(());
    }
    session.encode(host, frame).await?;
    check_cancelled(host).await
}

fn frame_of<H: Host>(session: &Session<H::Resident>, host: &H) -> Result<ModelFrame, Error> {
    ModelFrame::new(host.image_size()?, session.model().encoder.size)
}

/// Switches to the host's next provider, if there is one, after a provider failed or computed values that are
/// not finite. Returns whether the work is to be done again.
async fn fell_back<H: Host, T>(
    session: &mut Session<H::Resident>,
    host: &H,
    outcome: &Result<T, Error>,
) -> Result<bool, Error> {
    let Err(error @ (Error::NotFinite | Error::Host(HostError::Provider { .. }))) = outcome else {
        return Ok(false);
    };
    if !host.can_fall_back() {
        return Ok(false);
    }
    session.drop_embeddings();
    host.fall_back(&error.to_string()).await?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::PixelRect;
    use crate::model::GraphId;
    use crate::model::test_host::Run;
    use crate::rle::Mask;
    use crate::segment::Prompt;
    use crate::segment::session::MAX_KEPT;
    use crate::segment::test_host::{IMAGE, SIDE, flat, host, prompts, question, session, square};

    fn provider_failure() -> HostError {
        HostError::Provider { reason: "the GPU is lost".to_owned() }
    }

    #[test]
    fn first_click_encodes_the_whole_image_and_later_ones_reuse_it() {
        let (host, mut session) = (host([square(6, 9), square(6, 9)]), session(None, None));
        pollster::block_on(encode_image(&mut session, &host)).unwrap();
        pollster::block_on(encode_image(&mut session, &host)).unwrap();
        host.click(&mut session, 1).unwrap();
        host.click(&mut session, 2).unwrap();
        let whole = PixelRect { x: 0, y: 0, width: IMAGE.width, height: IMAGE.height };
        assert_eq!(*host.windows.borrow(), [whole]);
        let Run { graph, inputs, .. } = host.resident_runs.borrow()[0].clone();
        let [(name, input)] = &inputs[..] else { panic!("{inputs:?}") };
        assert_eq!((graph, &**name, input.shape()), (GraphId::ClickEncoder, "image", &[1, 3, 32, 32][..]));
        let Run { graph, outputs, .. } = host.last_decoding();
        assert_eq!(
            (graph, outputs),
            (GraphId::ClickDecoder, vec!["iou_predictions".to_owned(), "low_res_masks".to_owned()])
        );

        session.forget_image();
        host.then([square(6, 9)]);
        let refine = Some(Refine { ticket: Ticket(2), candidate: 1 });
        host.click_at(&mut session, 3, &prompts(&[(1.0, 1.0)]), refine).unwrap();
        assert_eq!(host.encodings(), 2);
        assert!(!host.last_decoding().has_mask(), "the logits are of the image before");
    }

    #[test]
    fn preview_needs_the_embedding_and_keeps_nothing() {
        let (host, mut session) = (host([square(6, 9)]), session(None, None));
        let one = prompts(&[(1.0, 1.0)]);
        assert_eq!(pollster::block_on(preview(&mut session, &host, &one)).unwrap(), None);
        assert_eq!(host.encodings(), 0);
        let first = host.click(&mut session, 1).unwrap();
        host.then([square(6, 9)]);
        let previewed = pollster::block_on(preview(&mut session, &host, &one)).unwrap();
        assert_eq!(previewed, Some(first));
        assert_eq!(host.encodings(), 1);
        host.then([square(6, 9)]);
        let refine = Some(Refine { ticket: Ticket(1), candidate: 0 });
        host.click_at(&mut session, 2, &one, refine).unwrap();
        assert!(host.last_decoding().has_mask(), "the logits of the click before are still kept");
    }

    #[test]
    fn any_candidate_of_an_earlier_ticket_can_be_refined() {
        let (host, mut session) = (host([flat([0.2, 1.5], [-1.0, 2.0])]), session(None, None));
        let first = host.click(&mut session, 7).unwrap();
        assert!(!host.last_decoding().has_mask());
        assert_eq!((first.best, first.mask().area()), (1, IMAGE.pixels()));
        assert!((first.candidates[1].predicted_iou - 1.0).abs() < f32::EPSILON, "cut to 0..=1");

        let two = prompts(&[(1.0, 1.0), (5.0, 5.0)]);
        for (ticket, candidate, fed_back) in [(7, 1, Some(2.0)), (7, 0, Some(-1.0)), (6, 0, None)] {
            host.then([square(6, 9)]);
            let refine = Refine { ticket: Ticket(ticket), candidate };
            host.click_at(&mut session, 8, &two, Some(refine)).unwrap();
            let decoding = host.last_decoding();
            assert_eq!(decoding.has_mask(), fed_back.is_some());
            assert_eq!(decoding.input("mask_input"), [fed_back.unwrap_or(0.0); SIDE * SIDE]);
        }
        let unknown = Refine { ticket: Ticket(7), candidate: 2 };
        let error = host.click_at(&mut session, 9, &two, Some(unknown)).unwrap_err();
        assert!(matches!(error, Error::CandidateUnknown { asked: 2, count: 2 }), "{error}");
    }

    #[test]
    fn only_the_last_tickets_are_kept() {
        let (host, mut session) = (host([]), session(None, None));
        for ticket in 0..=MAX_KEPT as u32 {
            host.then([flat([0.9, 0.1], [1.0, 1.0])]);
            host.click(&mut session, ticket).unwrap();
        }
        for (ticket, is_kept) in [(0, false), (2, true)] {
            host.then([flat([0.9, 0.1], [1.0, 1.0])]);
            let refine = Some(Refine { ticket: Ticket(ticket), candidate: 0 });
            host.click_at(&mut session, 99, &prompts(&[(1.0, 1.0)]), refine).unwrap();
            assert_eq!(host.last_decoding().has_mask(), is_kept, "ticket {ticket}");
        }
    }

    #[test]
    fn provisional_result_is_passed_on_before_refinement() {
        let (host, mut session) = (host([square(6, 9), square(6, 10)]), session(Some(2.0), None));
        let mut provisional = Vec::new();
        let prompts = prompts(&[(150.0, 150.0)]);
        let keep = |segmentation: &Segmentation| provisional.push(segmentation.clone());
        let refined = pollster::block_on(click(&mut session, &host, &question(1, &prompts), keep)).unwrap();
        let [provisional] = &provisional[..] else { panic!("{} provisional results", provisional.len()) };
        assert!(provisional.mask().area() > refined.mask().area());

        // An empty mask is not refined.
        host.then([square(0, 0)]);
        let none = |_: &Segmentation| panic!("no refinement pass follows");
        pollster::block_on(click(&mut session, &host, &question(2, &prompts), none)).unwrap();
    }

    #[test]
    fn click_cancelled_while_the_image_is_encoded_decodes_nothing() {
        for is_prepared in [true, false] {
            let (host, mut session) = (host([]), session(None, None));
            host.cancelled_from.set(Some(0));
            let error = if is_prepared {
                pollster::block_on(encode_image(&mut session, &host)).unwrap_err()
            } else {
                host.click(&mut session, 1).unwrap_err()
            };
            assert_eq!((error.code(), host.encodings(), host.decodings()), ("cancelled", 1, 0));
        }
    }

    #[test]
    fn cancelled_click_runs_no_further_pass_and_keeps_its_logits() {
        for (cancelled_from, runs) in [(0, 0), (1, 1), (2, 2)] {
            let host = host([square(6, 9), square(6, 9), square(6, 9)]);
            let mut session = session(Some(2.0), Some(0.5));
            host.cancelled_from.set(Some(cancelled_from));
            let error = host.click(&mut session, 1).unwrap_err();
            assert_eq!((error.code(), host.decodings()), ("cancelled", runs));
            assert!(session.has_image(), "the embedding stays for the next click");

            host.cancelled_from.set(None);
            host.then([square(6, 9), square(6, 9), square(6, 9)]);
            let refine = Some(Refine { ticket: Ticket(1), candidate: 1 });
            host.click_at(&mut session, 2, &prompts(&[(150.0, 150.0), (160.0, 150.0)]), refine).unwrap();
            assert_eq!(host.runs.borrow()[runs].has_mask(), runs > 0);
        }
    }

    #[test]
    fn provider_failure_encodes_and_decodes_again_on_the_next_provider() {
        let host = host([square(6, 9)]);
        host.other_providers.set(1);
        let mut session = session(Some(2.0), None);
        host.outputs.borrow_mut().push_back(Err(provider_failure()));
        host.then([square(6, 9), square(6, 10)]);
        let mut provisional = 0;
        let prompts = prompts(&[(150.0, 150.0)]);
        let question = question(1, &prompts);
        let click = click(&mut session, &host, &question, |_| provisional += 1);
        pollster::block_on(click).unwrap();
        assert_eq!(*host.fallbacks.borrow(), ["the GPU is lost"]);
        // Image and crop before, image and crop after.
        let embeddings: Vec<_> = host.runs.borrow().iter().map(|run| run.resident).collect();
        assert_eq!((embeddings, provisional), (vec![1, 2, 3, 4], 2));
    }

    #[test]
    fn encoder_failure_falls_back_once() {
        for prepared in [true, false] {
            let (host, mut session) = (host([square(6, 9)]), session(None, None));
            host.other_providers.set(1);
            host.resident_failures.borrow_mut().push_back(provider_failure());
            if prepared {
                pollster::block_on(encode_image(&mut session, &host)).unwrap();
            }
            host.click(&mut session, 1).unwrap();
            assert_eq!((host.encodings(), host.fallbacks.borrow().len()), (1, 1));
        }
    }

    #[test]
    fn second_failure_and_failure_without_another_provider_are_returned() {
        for (other_providers, runs) in [(0, 1), (5, 2)] {
            let (host, mut session) = (host([]), session(None, None));
            host.other_providers.set(other_providers);
            for _ in 0..runs {
                host.outputs.borrow_mut().push_back(Err(provider_failure()));
            }
            assert_eq!(host.click(&mut session, 1).unwrap_err().code(), "provider");
            assert_eq!(host.decodings(), runs);
        }
        let (host, mut session) = (host([]), session(None, None));
        host.other_providers.set(1);
        host.outputs.borrow_mut().push_back(Err(HostError::Run { reason: "out of memory".to_owned() }));
        assert_eq!(host.click(&mut session, 1).unwrap_err().code(), "model-run");
        assert!(host.fallbacks.borrow().is_empty(), "another provider would not help");
    }

    #[test]
    fn outputs_that_are_not_finite_fall_back() {
        for bad in [flat([0.9, 0.1], [1.0, f32::NAN]), flat([f32::INFINITY, 0.1], [1.0, 1.0])] {
            let (host, mut session) = (host([bad.clone(), bad.clone()]), session(None, None));
            assert_eq!(host.click(&mut session, 1).unwrap_err().code(), "model-not-finite");
            host.other_providers.set(1);
            host.then([square(6, 9)]);
            host.click(&mut session, 2).unwrap();
            assert_eq!((host.encodings(), host.fallbacks.borrow().len()), (2, 1));
        }
    }

    #[test]
    fn outputs_that_break_the_contract_are_named() {
        let (host, mut session) = (host([]), session(None, None));
        let swapped = flat([0.9, 0.1], [1.0, 1.0]).into_iter().rev().collect();
        let one = flat([0.9, 0.1], [1.0, 1.0]).into_iter().take(1).collect();
        for (outputs, message) in [
            (swapped, "\"iou_predictions\" should be float32[1, 2], but is float32[1, 2, 16, 16]"),
            (one, "\"low_res_masks\" should be float32[1, 2, 16, 16], but is missing"),
        ] {
            host.then([outputs]);
            let error = host.click(&mut session, 1).unwrap_err();
            assert_eq!(error.to_string(), format!("the model's output {message}"));
            assert_eq!(error.code(), "model-output");
        }
    }

    #[test]
    fn part_that_is_shown_is_looked_at_first_and_the_whole_image_where_the_object_goes_on() {
        let view = Some(Rect { x1: 80.0, y1: 80.0, x2: 200.0, y2: 200.0 });
        let prompts = prompts(&[(150.0, 150.0)]);
        // In the part a cell of the logits has 7.5 pixels. The second square touches its border.
        for (cells, is_part) in [([6, 9], true), ([0, 9], false)] {
            let (host, mut session) = (host([square(cells[0], cells[1]), square(6, 9)]), session(None, None));
            let question = Question { view, ..question(1, &prompts) };
            let result = pollster::block_on(click(&mut session, &host, &question, |_| ())).unwrap();
            let bbox = result.mask().bbox().unwrap();
            assert_eq!(
                (bbox.width < 40, host.decodings()),
                (is_part, if is_part { 1 } else { 2 }),
                "{bbox:?}"
            );
            assert_eq!(session.has_image(), !is_part, "the whole image is encoded where it is needed");
            // A further click in the same part goes on from its logits, without encoding it again.
            host.then([square(6, 9)]);
            let refine = Some(Refine { ticket: Ticket(1), candidate: 1 });
            let encodings = host.encodings();
            let next = Question { ticket: Ticket(2), refine, ..question.clone() };
            pollster::block_on(click(&mut session, &host, &next, |_| ())).unwrap();
            let run = host.last_decoding();
            assert_eq!((host.encodings(), run.has_mask()), (encodings, true));
            assert!(run.input("mask_input")[8 * SIDE + 8] > if is_part { 1.9 } else { 0.0 });
        }
    }

    #[test]
    fn answer_to_a_box_lies_mostly_in_it() {
        let rect = Rect { x1: 100.0, y1: 100.0, x2: 240.0, y2: 240.0 };
        let boxed = [Prompt::Box(rect)].into_iter().collect::<Result<Prompts, _>>().unwrap();
        // Cells of 20 pixels: one mask within the box, and one of the whole image.
        for (first, past) in [(6, 10), (0, 16)] {
            let (host, mut session) = (host([square(first, past)]), session(None, None));
            let result = host.click_at(&mut session, 1, &boxed, None).unwrap();
            let corners = [100.0, 100.0, 240.0, 100.0, 240.0, 240.0, 100.0, 240.0];
            let inside = Mask::from_polygon(IMAGE, &corners).unwrap();
            let shared = result.mask().shared_area(&inside).unwrap() as f64 / result.mask().area() as f64;
            assert!(shared > 0.99, "{first}..{past}: {shared}");
        }
    }

    #[test]
    fn prompts_are_checked_before_the_image_is_encoded() {
        let (host, mut session) = (host([]), session(None, None));
        for wrong in [prompts(&[]), prompts(&[(150.0, 320.5)])] {
            let error = host.click_at(&mut session, 1, &wrong, None).unwrap_err();
            assert_eq!((error.code(), host.encodings()), ("question-malformed", 0));
        }
    }
}
