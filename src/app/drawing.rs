//! What the renderers are given: the scene and the style that a [`State`] comes to.

use std::collections::HashMap;

use super::{ColorMode, Selection, State, Tool};
use crate::geometry::{Rect, Size};
use crate::render::{Color, ColorBy, Error, Overlay, Scene, Style};
use crate::rle::Mask;

/// Width of outlines in CSS pixels.
const OUTLINE_WIDTH: f32 = 1.5;
/// The colour of the mask that is clicked: white makes a thing lighter and keeps its hue, which
/// tells an orange from a lemon.
const CLICKED: Color = Color { red: 255, green: 255, blue: 255 };
/// Its opacity in that of other fills.
const CLICKED_OPACITY: f32 = 0.4;

impl State {
    /// The masks shown, and above them that of the clicks, over an image of the state's size.
    pub fn scene(&self) -> Result<Scene, Error> {
        let size = self.image().map_or(Size::default(), |(_, size)| size);
        let mut scene = Scene::new(size)?;
        let mut entities = HashMap::new();
        for (index, shown) in self.shown().iter().enumerate() {
            // A mask that is not linked is an entity of its own.
            let name = shown.qid.as_deref().unwrap_or(&shown.id);
            let entity = *entities.entry((shown.qid.is_some(), name)).or_insert(index as u64);
            scene.push(overlay(&shown.mask, entity))?;
        }
        if let Some(candidate) = self.clicks().candidate() {
            let masks = vec![candidate.mask.clone()];
            scene.push(Overlay { masks, entity: u64::MAX, color: Some(CLICKED), ..Overlay::default() })?;
        }
        Ok(scene)
    }

    /// How [`Self::scene`] is drawn now: while an object is clicked nothing else covers the image.
    pub fn style(&self) -> Style {
        let count = self.shown().len();
        let clicked = !self.clicks().is_empty();
        let browsing = matches!(self.tool(), Tool::Select | Tool::Pan)
            || matches!(self.selection(), Selection::Shown(_));
        let settings = self.settings();
        Style {
            fill_opacity: match (clicked, browsing) {
                (true, _) => settings.opacity as f32 * CLICKED_OPACITY,
                (false, true) => settings.opacity as f32,
                (false, false) => 0.0,
            },
            outline_width: OUTLINE_WIDTH,
            patterns: settings.patterns,
            color_by: if settings.color_mode == ColorMode::Entity { ColorBy::Entity } else { ColorBy::Mask },
            boxes: settings.boxes,
            hovered: self.hovered().filter(|_| browsing),
            selected: match self.selection() {
                Selection::Shown(index) => Some(index),
                Selection::Clicked => self.clicks().candidate().map(|_| count),
                Selection::Nothing => None,
            },
            hidden: if clicked { (0..count).collect() } else { (0..0).collect() },
        }
    }
}

fn overlay(mask: &Mask, entity: u64) -> Overlay {
    let boxes = mask.bbox().map(Rect::from).into_iter().collect();
    Overlay { masks: vec![mask.clone()], entity, color: None, boxes }
}
