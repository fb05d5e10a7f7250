/** What WebGPU adds to the global scope and TypeScript's library leaves out (WebGPU specification, "Namespaces"). */

declare const GPUBufferUsage: Readonly<Record<'COPY_DST' | 'COPY_SRC' | 'INDEX' | 'INDIRECT' | 'MAP_READ' | 'MAP_WRITE' | 'QUERY_RESOLVE' | 'STORAGE' | 'UNIFORM' | 'VERTEX', number>>;
declare const GPUTextureUsage: Readonly<Record<'COPY_DST' | 'COPY_SRC' | 'RENDER_ATTACHMENT' | 'STORAGE_BINDING' | 'TEXTURE_BINDING', number>>;
declare const GPUShaderStage: Readonly<Record<'COMPUTE' | 'FRAGMENT' | 'VERTEX', number>>;
declare const GPUMapMode: Readonly<Record<'READ' | 'WRITE', number>>;
