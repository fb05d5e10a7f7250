//! SHA-256 of files, and its hexadecimal form.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use anyhow::Context;
use sha2::{Digest as _, Sha256};

/// Bytes that are read at once.
const CHUNK_BYTES: usize = 1 << 20;

/// Returns the length of a file and the SHA-256 of its bytes, in hexadecimal.
pub(super) fn of_file(path: &Path) -> anyhow::Result<(u64, String)> {
    let context = || path.display().to_string();
    let mut file = File::open(path).with_context(context)?;
    let (mut hash, mut bytes, mut chunk) = (Sha256::new(), 0, vec![0; CHUNK_BYTES]);
    loop {
        let length = file.read(&mut chunk).with_context(context)?;
        if length == 0 {
            return Ok((bytes, hex(&hash.finalize())));
        }
        hash.update(&chunk[..length]);
        bytes += length as u64;
    }
}

/// Returns bytes in hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
