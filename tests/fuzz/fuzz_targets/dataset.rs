//! Fuzzes the reader of annotation files: it reads the same however the file is cut, and what it
//! read can be paged through.
#![no_main]

use libfuzzer_sys::fuzz_target;
use masklink::dataset::{Dataset, DatasetBuilder, ReadLimits, Query};

// The first byte is the length of a chunk, the rest the file.
fuzz_target!(|data: &[u8]| {
    let Some((&length, file)) = data.split_first() else { return };
    let whole = read([file]);
    let cut = read(file.chunks(usize::from(length) + 1));
    assert_eq!(words(&whole), words(&cut));
    let query = Query::default();
    let selection = whole.select(&query);
    assert_eq!(selection.images.len(), whole.images().len());
    if let Ok(page) = whole.result_page(&query, &selection, 0, usize::MAX) {
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

/// Everything that was read but the number of bytes: a file that is none is given up at the end of a chunk.
fn words(dataset: &Dataset) -> String {
    let findings: Vec<_> = dataset.findings().collect();
    format!("{:?}\n{:?}\n{:?}\n{findings:?}", dataset.images(), dataset.categories(), dataset.annotations())
}
