//! Fuzzes what the explorer reads of hosts: pages and blocks of packs, manifests, and catalogs.
#![no_main]

use std::collections::BTreeMap;

use libfuzzer_sys::fuzz_target;
use masklink::dataset::catalog::{Catalog, Filter, ORIGINAL};
use masklink::dataset::pack::manifest::Manifest;
use masklink::dataset::pack::{block, page};

// The first byte chooses the reader of the rest, which the second one cuts in two.
fuzz_target!(|data: &[u8]| {
    let [kind, cut, bytes @ ..] = data else { return };
    let (first, second) = bytes.split_at(bytes.len() * usize::from(*cut) / 255);
    match kind % 4 {
        0 => drop(page::strings(bytes, 1 << 16)),
        1 => drop(block::records(first, second)),
        2 => drop(Manifest::parse(bytes)),
        _ => catalog(first, second),
    }
});

fn catalog(stored: &[u8], original: &[u8]) {
    let files = [("catalog".to_owned(), stored.to_vec()), (ORIGINAL.to_owned(), original.to_vec())];
    let Ok(catalog) = pollster::block_on(Catalog::open("catalog", BTreeMap::from(files))) else { return };
    pollster::block_on(async {
        let _ = catalog.entities("a", 5).await;
        let _ = catalog.find("a").await;
        let _ = catalog.of_image("a").await;
        let _ = catalog.neighbors(0).await;
        let filter = Filter { suspicion: Some(1), ..Filter::default() };
        let _ = catalog.select(&filter).await;
        if let Ok(rows) = catalog.rows(0, 10).await {
            let _ = catalog.items(&rows).await;
        }
    });
}
