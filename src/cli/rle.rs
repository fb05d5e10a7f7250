//! `masklink rle`: reads masks as JSON lines, and writes the measures and the canonical encoding of each.

use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};

use anyhow::Context as _;
use serde::{Deserialize, Deserializer, Serialize, de};
use serde_json::error::Category;
use sha2::{Digest, Sha256};

use crate::geometry::Size;
use crate::rle::{Connectivity, Error, MAX_BITMAP_PIXELS, Mask};

/// Maximum bytes of a line; a longer one gives an error.
const MAX_LINE_BYTES: u64 = 64 << 20;

/// Measures masks: reads JSON lines from standard input and writes one line for each to standard output.
///
/// An input line is `{"size":[h,w],"counts":"…"}`, `{"size":[h,w],"counts":[…]}` or
/// `{"size":[h,w],"polygons":[[x,y,…],…]}`. The output line is
/// {"area","bbox","runs","components","sha256","counts"}, or {"error":{"code","message","at"}} with
/// the position counted from 0. The lines after a bad one are still read.
#[derive(clap::Args)]
pub(super) struct RleArgs {
    /// Pixels that count as neighbours in a component: the 4 that share a side, or all 8
    #[arg(long, value_enum, default_value = "4")]
    connectivity: Neighbours,
    /// Maximum number of pixels of a mask
    #[arg(long, default_value_t = MAX_BITMAP_PIXELS)]
    max_pixels: u64,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Neighbours {
    #[value(name = "4")]
    Four,
    #[value(name = "8")]
    Eight,
}

pub(super) fn run(args: &RleArgs) -> anyhow::Result<()> {
    let mut input = BufReader::new(io::stdin().lock());
    let mut output = BufWriter::new(io::stdout().lock());
    let mut line = Vec::new();
    while read_line(&mut input, &mut line).context("reading standard input")? {
        let written = match measure(&line, args) {
            Ok(measures) => serde_json::to_string(&measures)?,
            Err(error) => serde_json::to_string(&ErrorLine { error })?,
        };
        writeln!(output, "{written}").context("writing standard output")?;
        // A caller may wait for the output of a line before it writes the next.
        if input.buffer().is_empty() {
            output.flush().context("writing standard output")?;
        }
    }
    output.flush().context("writing standard output")
}

/// An input line.
#[derive(Deserialize)]
struct MaskLine {
    /// Height and width.
    size: [u32; 2],
    counts: Option<Counts>,
    polygons: Option<Vec<Vec<f64>>>,
}

enum Counts {
    Compressed(String),
    Plain(Vec<u32>),
}

/// The output line of a valid mask.
#[derive(Serialize)]
struct Measures {
    area: u64,
    /// x, y, width, height; zeros for an empty mask.
    bbox: [u32; 4],
    /// Number of runs of ones.
    runs: usize,
    components: usize,
    /// SHA-256 of the column-major bytes 0 and 1, in hexadecimal.
    sha256: String,
    counts: String,
}

/// The output line of an invalid mask.
#[derive(Serialize)]
struct ErrorLine {
    error: LineError,
}

/// An error of an input line.
#[derive(Serialize)]
struct LineError {
    /// A stable code for programs.
    code: &'static str,
    message: String,
    /// Position from 0: a byte of the line for the codes `json` and `record`, else a byte of the string
    /// or an element of the list.
    at: Option<u64>,
}

fn measure(line: &[u8], args: &RleArgs) -> Result<Measures, LineError> {
    if line.len() as u64 > MAX_LINE_BYTES {
        return Err(LineError::new("limit", format!("the line is longer than {MAX_LINE_BYTES} bytes"), None));
    }
    let mask: MaskLine = serde_json::from_slice(line)?;
    let [height, width] = mask.size;
    let size = Size::new(width, height);
    if size.pixels() > args.max_pixels {
        let (limit, actual) = (args.max_pixels, size.pixels());
        return Err(Error::Limit { what: "pixels of a mask", limit, actual }.into());
    }
    let mask = match (mask.counts, mask.polygons) {
        (Some(Counts::Compressed(text)), None) => Mask::from_compressed(size, &text)?,
        (Some(Counts::Plain(lengths)), None) => Mask::from_counts(size, lengths)?,
        (None, Some(polygons)) => Mask::from_polygons(size, &polygons)?,
        (None, None) => return Err(LineError::record("neither `counts` nor `polygons`")),
        (Some(_), Some(_)) => return Err(LineError::record("both `counts` and `polygons`")),
    };
    let connectivity = match args.connectivity {
        Neighbours::Four => Connectivity::Four,
        Neighbours::Eight => Connectivity::Eight,
    };
    Ok(Measures {
        area: mask.area(),
        bbox: mask.bbox().map_or([0; 4], |bbox| [bbox.x, bbox.y, bbox.width, bbox.height]),
        runs: mask.runs().len(),
        components: mask.component_count(connectivity),
        sha256: sha256_of_pixels(&mask),
        counts: mask.to_compressed(),
    })
}

/// Hashes the column-major bytes 0 and 1 run by run, without a bitmap.
fn sha256_of_pixels(mask: &Mask) -> String {
    const AT_ONCE: usize = 8 << 10;
    static VALUES: [[u8; AT_ONCE]; 2] = [[0; AT_ONCE], [1; AT_ONCE]];
    let mut hash = Sha256::new();
    for (run, length) in mask.counts().into_iter().enumerate() {
        let mut rest = length as usize;
        while rest > 0 {
            let part = rest.min(AT_ONCE);
            hash.update(&VALUES[run % 2][..part]);
            rest -= part;
        }
    }
    let mut text = String::with_capacity(64);
    for byte in hash.finalize() {
        for digit in [byte >> 4, byte & 15] {
            text.push(char::from(b"0123456789abcdef"[usize::from(digit)]));
        }
    }
    text
}

/// Reads a line without its line break into `line`; returns false at the end of the input. Skips the
/// rest of a line that is too long.
fn read_line(input: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<bool> {
    line.clear();
    let read = input.by_ref().take(MAX_LINE_BYTES + 1).read_until(b'\n', line)?;
    if line.last() == Some(&b'\n') {
        line.pop();
    } else if read as u64 > MAX_LINE_BYTES {
        input.skip_until(b'\n')?;
    }
    Ok(read > 0)
}

impl<'de> Deserialize<'de> for Counts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Counts;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a compressed string or a list of run lengths")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Counts, E> {
                Ok(Counts::Compressed(text.to_owned()))
            }

            fn visit_seq<A: de::SeqAccess<'de>>(self, list: A) -> Result<Counts, A::Error> {
                Vec::deserialize(de::value::SeqAccessDeserializer::new(list)).map(Counts::Plain)
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

impl LineError {
    fn new(code: &'static str, message: impl Into<String>, at: Option<u64>) -> Self {
        Self { code, message: message.into(), at }
    }

    fn record(message: &str) -> Self {
        Self::new("record", message, None)
    }
}

impl From<serde_json::Error> for LineError {
    fn from(error: serde_json::Error) -> Self {
        let code = if error.classify() == Category::Data { "record" } else { "json" };
        // Columns count from 1; 0 is before the first.
        Self::new(code, error.to_string(), Some(error.column().saturating_sub(1) as u64))
    }
}

impl From<Error> for LineError {
    fn from(error: Error) -> Self {
        Self::new(error.code(), error.to_string(), error.at().map(|at| at as u64))
    }
}
