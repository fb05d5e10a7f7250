export async function openAnnotations(source) {
  const json = typeof source === 'string' ? await (await fetch(source)).json() : JSON.parse(await source.text());
  const names = new Map(json.categories.map((c) => [c.id, c.name]));
  const pictures = json.images.map((image) => ({ id: String(image.id), file: image.file_name.replace(/^\//, ''), url: null, size: [image.height, image.width], findings: [],
    annotations: json.annotations.filter((a) => a.image_id === image.id).map((a) => ({ id: String(a.id), qid: a.category_id, title: names.get(a.category_id), description: null, thumbnail: null, textPrompt: a.text_prompt, question: a.question, labels: [], split: a.data_split, seen: null, isCrowd: false, boxes: [], area: 0, size: a.segmentation[0].size, boundaries: [0, 0], raw: a.segmentation[0], findings: [] })) }));
  return { overview: { pictures: pictures.length, annotations: json.annotations.length, categories: names.size, findings: [] }, select: async () => ({ pictures: pictures.length }), page: async (s, n) => ({ pictures: pictures.slice(s, s + n), boundaries: new Uint32Array() }), close() {} };
}
