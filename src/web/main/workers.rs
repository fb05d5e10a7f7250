//! The WebAssembly module of the page's workers: what `web` exports under the feature `workers`.

fn main() {
    #[cfg(target_arch = "wasm32")]
    masklink::web::start();
}
