//! Measures operations on the masks of a file of JSON lines; `tools/bench_rle.py` compares the times
//! with those of other libraries.
//!
//! `cargo run --release --no-default-features --example rle_speed -- FILE [ROUNDS]`; a line is
//! `{"size":[h,w],"counts":"…"}`. Prints one JSON object: seconds of each round over all strings, by
//! operation.

use std::error::Error;
use std::hint::black_box;
use std::time::Instant;

use masklink::geometry::Size;
use masklink::rle::{self, Mask};
use serde_json::{Value, json};

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let file = args.next().ok_or("usage: rle_speed FILE [ROUNDS]")?;
    let rounds: usize = args.next().map_or(Ok(9), |rounds| rounds.parse())?;
    let strings = std::fs::read_to_string(file)?.lines().map(string_of).collect::<Result<Vec<_>, _>>()?;

    let decode = |(size, text): &(Size, String)| Mask::from_compressed(*size, text);
    let string_to_area = seconds(rounds, || {
        strings.iter().try_fold(0, |sum, string| decode(string).map(|mask| sum + mask.area()))
    })?;
    let string_to_bitmap = seconds(rounds, || {
        strings.iter().try_fold(0, |sum, string| Ok(sum + u64::from(decode(string)?.to_column_major()?[0])))
    })?;
    let two_strings_to_union = seconds(rounds, || {
        let same_size = strings.windows(2).filter(|pair| pair[0].0 == pair[1].0);
        same_size.clone().try_fold(0, |sum, pair| {
            Ok(sum + decode(&pair[0])?.union(&decode(&pair[1])?)?.to_compressed().len() as u64)
        })
    })?;
    let result = json!({
        "strings": strings.len(),
        "string_to_area": string_to_area,
        "string_to_bitmap": string_to_bitmap,
        "two_strings_to_union": two_strings_to_union,
    });
    println!("{result}");
    Ok(())
}

fn string_of(line: &str) -> Result<(Size, String), Box<dyn Error>> {
    let entry: Value = serde_json::from_str(line)?;
    let (size, counts) = (&entry["size"], &entry["counts"]);
    let side =
        |at: usize| size[at].as_u64().and_then(|side| u32::try_from(side).ok()).ok_or("the line has no size");
    Ok((Size::new(side(1)?, side(0)?), counts.as_str().ok_or("the line has no counts")?.to_owned()))
}

/// Returns the seconds of each round, after one round to warm up.
fn seconds(rounds: usize, work: impl Fn() -> Result<u64, rle::Error>) -> Result<Vec<f64>, rle::Error> {
    black_box(work()?);
    let mut times = Vec::with_capacity(rounds);
    for _ in 0..rounds {
        let started = Instant::now();
        black_box(work()?);
        times.push(started.elapsed().as_secs_f64());
    }
    Ok(times)
}
