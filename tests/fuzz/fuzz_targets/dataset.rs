//! Fuzzes the reader of annotation files: the records do not depend on the chunks, and every page of
//! results can be made.
#![no_main]

use libfuzzer_sys::fuzz_target;
use masklink::dataset::{Dataset, DatasetBuilder, ReadLimits, Query};

// The first byte is the chunk length less one, the rest is the file.
fuzz_target!(|data: &[u8]| {
    let Some((&length, file)) = data.split_first() else { return };
    let whole = read([file]);
    let cut = read(file.chunks(usize::from(length) + 1));
    assert_eq!(format_all(&whole), format_all(&cut));
    let query = Query::default();
    let matches = whole.select(&query);
    assert_eq!(matches.images.len(), whole.images().len());
    if let Ok(page) = whole.result_page(&query, &matches, 0, usize::MAX) {
        assert!(page.images.len() <= whole.images().len());
    }
    for annotation in whole.annotations() {
        let Ok(mask) = annotation.mask() else { continue };
        assert_eq!((mask.area(), mask.size()), (annotation.mask_area, annotation.mask_size));
    }
});

fn read<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> Dataset {
    let mut builder = DatasetBuilder::new(ReadLimits::default());
    for chunk in chunks {
        builder.push(chunk);
    }
    builder.finish()
}

/// Formats everything that was read except the number of bytes: reading an invalid file stops at the
/// end of a chunk.
fn format_all(dataset: &Dataset) -> String {
    let findings: Vec<_> = dataset.findings().collect();
    format!("{:?}\n{:?}\n{:?}\n{findings:?}", dataset.images(), dataset.categories(), dataset.annotations())
}
