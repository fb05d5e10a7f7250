//! The WebAssembly module of the explorer's worker: what `web` exports under the feature `explorer`.

fn main() {
    #[cfg(target_arch = "wasm32")]
    masklink::web::start();
}
