//! The WebAssembly module of benchmarks and browser tests: what `web` exports under the feature `workbench`.

fn main() {
    #[cfg(target_arch = "wasm32")]
    masklink::web::start();
}
