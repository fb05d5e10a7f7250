/**
 * @file The baseline of the frame benchmark: one R8 texture per mask, drawn as a quad over the image.
 */

const OPACITY = 0.4;
/**
 * Flags of the WebGPU specification (GPUTextureUsage, GPUBufferUsage); TypeScript's DOM types lack
 * the two namespaces.
 */
const TEXTURE = { COPY_DST: 2, TEXTURE_BINDING: 4, RENDER_ATTACHMENT: 16 };
const BUFFER = { COPY_DST: 8, UNIFORM: 64 };

/** All masks of an image as textures of its size, drawn at scale 1 on their own GPU device. */
export class TexturePerMask {
  /**
   * @param {GPUDevice} device
   * @param {GPURenderPipeline} pipeline
   * @param {GPUBindGroup[]} bindings
   * @param {GPUTexture} target
   */
  constructor(device, pipeline, bindings, target) {
    this.device = device;
    this.pipeline = pipeline;
    this.bindings = bindings;
    this.target = target;
  }

  /**
   * @param {{ width: number, height: number }} size
   * @param {number} count
   * @param {(index: number) => Uint8Array} bitmapOf one byte per pixel, 0 or 255, row by row
   */
  static async create(size, count, bitmapOf) {
    const adapter = await navigator.gpu.requestAdapter();
    if (!adapter) throw new Error('WebGPU is not available in this browser');
    const device = await adapter.requestDevice();
    // The native benchmark uses the same shader.
    const shader = await fetch(new URL('bench-textures.wgsl', import.meta.url));
    const module = device.createShaderModule({ code: await shader.text() });
    const over = /** @type {GPUBlendComponent} */ ({
      srcFactor: 'one',
      dstFactor: 'one-minus-src-alpha',
    });
    const pipeline = device.createRenderPipeline({
      layout: 'auto',
      vertex: { module },
      fragment: {
        module,
        targets: [{ format: 'rgba8unorm', blend: { color: over, alpha: over } }],
      },
      primitive: { topology: 'triangle-strip' },
    });
    const bindings = [];
    for (let index = 0; index < count; index += 1) {
      const usage = TEXTURE.TEXTURE_BINDING | TEXTURE.COPY_DST;
      const texture = device.createTexture({ size, format: 'r8unorm', usage });
      const bitmap = /** @type {Uint8Array<ArrayBuffer>} */ (bitmapOf(index));
      device.queue.writeTexture({ texture }, bitmap, { bytesPerRow: size.width }, size);
      // Written data stays in CPU memory until the GPU has copied it.
      if (index % 16 === 15) await device.queue.onSubmittedWorkDone();
      const color = device.createBuffer({ size: 16, usage: BUFFER.UNIFORM | BUFFER.COPY_DST });
      const shade = (index % 256) / 255;
      device.queue.writeBuffer(color, 0, new Float32Array([shade, 1 - shade, 0.5, OPACITY]));
      const entries = [
        { binding: 0, resource: texture.createView() },
        { binding: 1, resource: { buffer: color } },
      ];
      bindings.push(device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries }));
    }
    const target = device.createTexture({
      size,
      format: 'rgba8unorm',
      usage: TEXTURE.RENDER_ATTACHMENT,
    });
    await device.queue.onSubmittedWorkDone();
    return new TexturePerMask(device, pipeline, bindings, target);
  }

  /** Draws a frame; resolves when the GPU has finished it. */
  async frame() {
    const encoder = this.device.createCommandEncoder();
    const pass = encoder.beginRenderPass({
      colorAttachments: [
        {
          view: this.target.createView(),
          loadOp: 'clear',
          clearValue: [0, 0, 0, 0],
          storeOp: 'store',
        },
      ],
    });
    pass.setPipeline(this.pipeline);
    for (const binding of this.bindings) {
      pass.setBindGroup(0, binding);
      pass.draw(4);
    }
    pass.end();
    this.device.queue.submit([encoder.finish()]);
    await this.device.queue.onSubmittedWorkDone();
  }

  destroy() {
    this.device.destroy();
  }
}
