//! Decodes one kind of Parquet page: plain byte arrays in a zstd-compressed data page of version 1.
//!
//! Source: Apache Parquet's `parquet.thrift` (`PageHeader`, `DataPageHeader`), its compact protocol, and
//! `Encodings.md` (`PLAIN`).

use std::io::Read as _;

/// Maximum bytes of a decompressed page.
pub const MAX_PAGE_BYTES: u64 = 256 << 20;
/// Maximum nesting of structs in a page's header.
const MAX_DEPTH: u32 = 8;

/// Says why a page could not be decoded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PageError {
    /// The header is not one of a data page.
    #[error("byte {at} of the page: {reason}")]
    Header {
        /// Position in the page.
        at: usize,
        /// The expectation that is not met.
        reason: &'static str,
    },
    /// The body cannot be decompressed.
    #[error("the page's data cannot be decompressed: {reason}")]
    Compression {
        /// The decoder's message.
        reason: String,
    },
    /// The values do not fit the body.
    #[error("the page's values end at byte {at} of {bytes}")]
    Values {
        /// Position in the decompressed body.
        at: usize,
        /// Length of the decompressed body.
        bytes: usize,
    },
}

/// Returns the values of a page of a repeated column of strings, and fails where there are more than
/// `max_strings`. `page` begins at its header.
pub fn strings(page: &[u8], max_strings: usize) -> Result<Vec<String>, PageError> {
    let (header_bytes, header) = PageHeader::read(page)?;
    let body = page.get(header_bytes..).and_then(|body| body.get(..header.compressed_bytes));
    let body = body.ok_or(PageError::Header { at: page.len(), reason: "the page is cut off" })?;
    let body = decompress(body, MAX_PAGE_BYTES)?;
    // Repetition and definition levels come first, each with its length.
    let mut at = 0;
    for _ in 0..2 {
        let length = length_at(&body, at)?;
        at = at.saturating_add(4).saturating_add(length);
    }
    let mut strings = Vec::new();
    while at < body.len() {
        let length = length_at(&body, at)?;
        let end = at.saturating_add(4).saturating_add(length);
        let cut_off = PageError::Values { at, bytes: body.len() };
        if strings.len() == max_strings {
            return Err(cut_off);
        }
        let value = body.get(at + 4..end).ok_or_else(|| cut_off.clone())?;
        strings.push(std::str::from_utf8(value).map_err(|_| cut_off)?.to_owned());
        at = end;
    }
    Ok(strings)
}

/// Returns the length of a page, header included. `page` begins at its header and may go on after it.
pub fn page_bytes(page: &[u8]) -> Result<usize, PageError> {
    let (header_bytes, header) = PageHeader::read(page)?;
    Ok(header_bytes.saturating_add(header.compressed_bytes))
}

/// Decompresses a zstd frame of at most `max_bytes`.
pub fn decompress(bytes: &[u8], max_bytes: u64) -> Result<Vec<u8>, PageError> {
    let failed = |reason: String| PageError::Compression { reason };
    let decoder =
        ruzstd::decoding::StreamingDecoder::new(bytes).map_err(|error| failed(error.to_string()))?;
    let mut out = Vec::new();
    decoder.take(max_bytes + 1).read_to_end(&mut out).map_err(|error| failed(error.to_string()))?;
    if out.len() as u64 > max_bytes {
        return Err(failed(format!("it has more than {max_bytes} bytes")));
    }
    Ok(out)
}

fn length_at(body: &[u8], at: usize) -> Result<usize, PageError> {
    let bytes = body.get(at..at.saturating_add(4)).and_then(|bytes| bytes.try_into().ok());
    let bytes: [u8; 4] = bytes.ok_or(PageError::Values { at, bytes: body.len() })?;
    Ok(u32::from_le_bytes(bytes) as usize)
}

/// The fields of a page's header that are needed.
struct PageHeader {
    compressed_bytes: usize,
}

impl PageHeader {
    /// Reads the header; returns its length with it.
    fn read(page: &[u8]) -> Result<(usize, Self), PageError> {
        let mut reader = Compact { bytes: page, at: 0 };
        let (mut kind, mut compressed) = (None, None);
        let mut field = 0;
        while let Some(value_type) = reader.field(&mut field)? {
            match (field, value_type) {
                (1, Compact::I32) => kind = Some(reader.zigzag()?),
                (3, Compact::I32) => compressed = Some(reader.zigzag()?),
                _ => reader.skip(value_type, MAX_DEPTH)?,
            }
        }
        let failed = |reason| PageError::Header { at: reader.at, reason };
        if kind != Some(0) {
            return Err(failed("not a data page of version 1"));
        }
        let compressed = compressed.and_then(|bytes| usize::try_from(bytes).ok());
        let compressed_bytes = compressed.ok_or_else(|| failed("the page's length is missing"))?;
        Ok((reader.at, Self { compressed_bytes }))
    }
}

/// A reader of Thrift's compact protocol.
struct Compact<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Compact<'_> {
    const I32: u8 = 5;

    fn byte(&mut self) -> Result<u8, PageError> {
        let byte = self.bytes.get(self.at).copied();
        let byte = byte.ok_or(PageError::Header { at: self.at, reason: "the header is cut off" })?;
        self.at += 1;
        Ok(byte)
    }

    fn varint(&mut self) -> Result<u64, PageError> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 127) << shift;
            if byte < 128 {
                return Ok(value);
            }
        }
        Err(PageError::Header { at: self.at, reason: "a number is too long" })
    }

    fn zigzag(&mut self) -> Result<i64, PageError> {
        let value = self.varint()?;
        Ok((value >> 1) as i64 ^ -((value & 1) as i64))
    }

    /// Reads a field's header: sets its number and returns its type; `None` at the end of the struct.
    fn field(&mut self, number: &mut i64) -> Result<Option<u8>, PageError> {
        let byte = self.byte()?;
        if byte == 0 {
            return Ok(None);
        }
        *number = if byte >> 4 == 0 { self.zigzag()? } else { number.saturating_add((byte >> 4).into()) };
        Ok(Some(byte & 15))
    }

    fn skip(&mut self, value_type: u8, depth: u32) -> Result<(), PageError> {
        if depth == 0 {
            return Err(PageError::Header { at: self.at, reason: "structs are nested too deep" });
        }
        match value_type {
            // The value of a boolean field is its type.
            1 | 2 => {}
            3 => {
                self.byte()?;
            }
            4..=6 => {
                self.varint()?;
            }
            7 => self.at = self.at.saturating_add(8),
            8 => {
                let length = self.varint()?;
                self.at = self.at.saturating_add(usize::try_from(length).unwrap_or(usize::MAX));
            }
            12 => {
                let mut field = 0;
                while let Some(inner) = self.field(&mut field)? {
                    self.skip(inner, depth - 1)?;
                }
            }
            _ => return Err(PageError::Header { at: self.at, reason: "a field of an unexpected type" }),
        }
        Ok(())
    }
}
