//! Requests, bytes and recall of a made-up index in cells:
//! `cargo bench --bench cells -- [EXEMPLARS [CELLS [OF_TOPIC]]]`.
//!
//! Zero CELLS stand for the default of `masklink cells`.
//!
//! The vectors have 512 numbers and are made from a seed, in three steps: one of `n` topics of about
//! `OF_TOPIC` exemplars (2,000 by default; a random unit vector; the topic `n u²` of a uniform `u`, so that
//! sizes differ), plus 0.5 times one of the topic's 20 things (a random unit vector), plus noise of length
//! 0.7 whose variance falls as 1 / i over the axes, which are in another order in each topic (about 28 axes
//! matter); then an orthogonal transform that is the same for all (random signs and a Hadamard matrix),
//! and the length 1. Questions are further vectors of the same kind. Each exemplar is its own entity:
//! the 10 nearest exemplars are the 10 entities.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a benchmark fails by panicking")]

use std::ops::Range;
use std::time::Instant;

use masklink::cli::cell_index::{Exemplars, Frame, build, default_cells};
use masklink::link::calibration::Calibration;
use masklink::link::cells::choose::Budget;
use masklink::link::cells::folder;
use masklink::link::encoder::manifest::{EncoderManifest, EncoderView};
use masklink::link::index::vectors::Element;
use masklink::link::index::{Entity, Exemplar};
use masklink::link::search::Search as _;

#[path = "shared/numbers.rs"]
mod numbers;

use numbers::Numbers;

const DIMENSIONS: usize = 512;
/// Exemplars of a topic, about, unless an argument sets them.
const OF_TOPIC: usize = 2000;
const THINGS: u64 = 20;
const QUESTIONS: usize = 100;
const TOP: usize = 10;

/// Returns a number of about the normal distribution: the sum of four uniform ones.
fn normal(numbers: &mut Numbers) -> f32 {
    let bits = numbers.next();
    let sum: u64 = (0..4).map(|at| (bits >> (16 * at)) & 0xffff).sum();
    (sum as f32 / 65_536.0 - 2.0) * 3.0_f32.sqrt()
}

struct MadeUp {
    rows: usize,
    /// Topics and things, each with its vector as it is added.
    topics: Vec<f32>,
    things: Vec<f32>,
    /// The standard deviations of the noise.
    noise: Vec<f32>,
    signs: Vec<f32>,
}

impl MadeUp {
    fn new(rows: usize, of_topic: usize) -> Self {
        let (mut numbers, count) = (Numbers(1), (rows / of_topic).max(1) as u64);
        let mut units = |count: u64, length: f32| {
            let scale = length / (DIMENSIONS as f32).sqrt();
            (0..count * DIMENSIONS as u64).map(|_| normal(&mut numbers) * scale).collect::<Vec<f32>>()
        };
        let (topics, things) = (units(count, 1.0), units(count * THINGS, 0.5));
        let sum: f32 = (1..=DIMENSIONS).map(|at| 1.0 / at as f32).sum();
        let noise = (1..=DIMENSIONS).map(|at| 0.7 * (1.0 / at as f32 / sum).sqrt()).collect();
        let signs = (0..DIMENSIONS).map(|_| if numbers.next() % 2 == 0 { 1.0 } else { -1.0 }).collect();
        Self { rows, topics, things, noise, signs }
    }

    /// Adds the vector of a seed.
    fn push(&self, seed: u64, vectors: &mut Vec<f32>) {
        let mut numbers = Numbers(seed.wrapping_mul(0x2545_f491_4f6c_dd1d) ^ 0x4d);
        let topics = (self.topics.len() / DIMENSIONS) as u64;
        let topic = ((numbers.uniform().powi(2) * topics as f64) as u64).min(topics - 1);
        let thing = topic * THINGS + numbers.next() % THINGS;
        let start = vectors.len();
        let topic_vector = &self.topics[topic as usize * DIMENSIONS..][..DIMENSIONS];
        let thing_vector = &self.things[thing as usize * DIMENSIONS..][..DIMENSIONS];
        // An odd factor permutes the axes.
        let (factor, first) = (2 * topic as usize + 1, 31 * topic as usize);
        for (at, (topic, thing)) in topic_vector.iter().zip(thing_vector).enumerate() {
            let axis = (at * factor + first) % DIMENSIONS;
            vectors.push((topic + thing + self.noise[axis] * normal(&mut numbers)) * self.signs[at]);
        }
        let vector = &mut vectors[start..];
        let mut half = 1;
        while half < DIMENSIONS {
            for pair in vector.chunks_exact_mut(2 * half) {
                let (low, high) = pair.split_at_mut(half);
                for (a, b) in low.iter_mut().zip(high) {
                    (*a, *b) = (*a + *b, *a - *b);
                }
            }
            half *= 2;
        }
        let length = vector.iter().map(|value| value * value).sum::<f32>().sqrt();
        for value in &mut *vector {
            *value /= length;
        }
    }

    fn questions(&self) -> Vec<f32> {
        let mut vectors = Vec::new();
        (0..QUESTIONS as u64).for_each(|at| self.push(u64::MAX / 2 + at, &mut vectors));
        vectors
    }

    /// Returns the nearest rows of each question by all vectors.
    fn exact(&self, questions: &[f32]) -> Vec<Vec<u32>> {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let share = self.rows.div_ceil(threads);
        let parts: Vec<_> = std::thread::scope(|scope| {
            let part = |at: usize| self.exact_of(at * share..((at + 1) * share).min(self.rows), questions);
            let started: Vec<_> = (0..threads).map(|at| scope.spawn(move || part(at))).collect();
            started.into_iter().map(|part| part.join().unwrap()).collect()
        });
        let of_question = |at: usize| {
            let mut all: Vec<(f32, u32)> = parts.iter().flat_map(|part| part[at].iter().copied()).collect();
            all.sort_by(|a, b| b.0.total_cmp(&a.0));
            all.into_iter().take(TOP).map(|(_, row)| row).collect()
        };
        (0..QUESTIONS).map(of_question).collect()
    }

    fn exact_of(&self, rows: Range<usize>, questions: &[f32]) -> Vec<Vec<(f32, u32)>> {
        let mut tops = vec![Vec::<(f32, u32)>::new(); QUESTIONS];
        let questions = ndarray::ArrayView2::from_shape((QUESTIONS, DIMENSIONS), questions).unwrap();
        for start in rows.clone().step_by(2048) {
            let (end, mut vectors) = ((start + 2048).min(rows.end), Vec::new());
            self.read(start..end, &mut vectors);
            let vectors = ndarray::ArrayView2::from_shape((end - start, DIMENSIONS), &vectors).unwrap();
            let scores = questions.dot(&vectors.t());
            for (top, scores) in tops.iter_mut().zip(scores.outer_iter()) {
                for (row, &score) in (start as u32..).zip(scores) {
                    if top.len() == TOP && top[TOP - 1].0 >= score {
                        continue;
                    }
                    let at = top.partition_point(|other| other.0 >= score);
                    top.insert(at, (score, row));
                    top.truncate(TOP);
                }
            }
        }
        tops
    }
}

impl Exemplars for MadeUp {
    fn rows(&self) -> usize {
        self.rows
    }

    fn dimensions(&self) -> usize {
        DIMENSIONS
    }

    fn read(&self, rows: Range<usize>, vectors: &mut Vec<f32>) {
        rows.for_each(|row| self.push(row as u64, vectors));
    }

    fn record(&self, row: usize) -> (Exemplar, Entity) {
        let mut numbers = Numbers(row as u64);
        let mut word = || {
            let length = 4 + numbers.next() % 7;
            let letter = |_| char::from(b'a' + (numbers.next() % 26) as u8);
            (0..length).map(letter).collect::<String>()
        };
        let (title, description) = (format!("{} {}", word(), word()), format!("{} of {}", word(), word()));
        let exemplar = Exemplar {
            entity: row as u32,
            annotation: row.to_string(),
            image: format!("images/{row:08}.jpg"),
            image_hash: format!("{:016x}", numbers.next()),
            bounds: [0; 4].map(|_| (numbers.next() % 640) as f32),
            ..Exemplar::default()
        };
        (
            exemplar,
            Entity { qid: format!("Q{row}"), title, description: Some(description), ..Entity::default() },
        )
    }
}

fn frame(rows: usize) -> Frame {
    let sha256 = "0".repeat(64);
    let file = format!("encoder-{}.onnx", &sha256[..16]);
    let views = vec![EncoderView::Image];
    let mut encoder =
        EncoderManifest { id: "made up".into(), file, sha256, views, ..EncoderManifest::default() };
    (encoder.input.width, encoder.input.height, encoder.input.std) = (8, 8, [1.0; 3]);
    Frame {
        encoder,
        model: Vec::new(),
        mean: vec![0.0; DIMENSIONS],
        entities: rows as u64,
        sources: Vec::new(),
        calibration: Calibration::default(),
        resident: Vec::new(),
        classes: Vec::new(),
        element: Element::F16,
    }
}

fn main() {
    let numbers: Vec<usize> = std::env::args().skip(1).filter_map(|text| text.parse().ok()).collect();
    let rows = numbers.first().copied().unwrap_or(20_000);
    let cells = numbers.get(1).copied().filter(|&cells| cells > 0).unwrap_or_else(|| default_cells(rows));
    let made_up = MadeUp::new(rows, numbers.get(2).copied().unwrap_or(OF_TOPIC).max(1));
    let questions = made_up.questions();
    let started = Instant::now();
    let exact = made_up.exact(&questions);
    println!("{rows} x {DIMENSIONS}, exact search of {QUESTIONS} questions in {:.0?}", started.elapsed());
    println!(
        "| cells | largest | start MB | data MB | built s | budget: ranges, MB | ranges | MB | cells read \
         | recall@10 |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|");
    // Beside the built programs: the system's folder may be in memory.
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let index = folder.path().join("index");
    let started = Instant::now();
    let written = build(&made_up, &frame(rows), cells, &index).expect("the index is written");
    let built = started.elapsed().as_secs();
    let mega = |bytes: u64| bytes as f64 / 1e6;
    for (requests, bytes) in [(4, 1_000_000), (7, 2_000_000), (10, 3_000_000), (20, 6_000_000)] {
        let budget = Budget { requests, bytes, ..Budget::default() };
        let [ranges, read, cells, recall] = measure(&index, &questions, &exact, budget);
        println!(
            "| {} | {} | {:.2} | {:.1} | {built} | {requests}, {} | {ranges:.1} | {:.2} | {cells:.1} \
             | {recall:.3} |",
            written.cells,
            written.largest,
            mega(written.start_bytes),
            mega(written.data_bytes),
            mega(bytes),
            read / 1e6,
        );
    }
}

/// Returns the mean numbers of ranges, bytes and cells of a question, and the recall at 10.
fn measure(folder: &std::path::Path, questions: &[f32], exact: &[Vec<u32>], budget: Budget) -> [f64; 4] {
    let mut sums = [0.0; 4];
    for (question, nearest) in questions.chunks_exact(DIMENSIONS).zip(exact) {
        // Opened for each question: nothing is in the cache.
        let (index, files) = folder::open(folder).expect("the index is read");
        let gathered =
            pollster::block_on(index.gather(&files, question, budget)).expect("the cells are read");
        let hits = gathered.index.nearest(&[question.into()], TOP).remove(0);
        let qids: Vec<_> =
            hits.iter().map(|hit| gathered.index.entities()[hit.entity as usize].qid.clone()).collect();
        let found = nearest.iter().filter(|row| qids.contains(&format!("Q{row}"))).count();
        let amounts = [gathered.requests as f64, gathered.bytes as f64, gathered.cells as f64];
        sums.iter_mut().zip(amounts).for_each(|(sum, amount)| *sum += amount);
        sums[3] += found as f64 / TOP as f64;
    }
    sums.map(|sum| sum / QUESTIONS as f64)
}
