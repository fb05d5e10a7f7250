//! The page's WebAssembly module: what `web` exports under the feature `viewer`.

fn main() {
    #[cfg(target_arch = "wasm32")]
    masklink::web::start();
}
