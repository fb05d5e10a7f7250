/** @file The data that the explorer's worker and its page exchange. */

/** Counts of the values of each facet; every list has all values, also those of count 0. */
export type Facets = {
  /** Parallel to `Overview.splits`. */
  split: number[];
  seen: { seen: number; unseen: number; unknown: number };
  /** 21 bins: bin 0 is an empty mask, bin k is over (k-1)*5 % to k*5 % of the image. */
  area: number[];
  /** 6 bins: 0, 1, 2, 3 to 5, 6 to 10, over 10 parts that touch nowhere. */
  components: number[];
  /** 5 levels: none, low, medium, high, very high. */
  suspicion: number[];
  findings: { code: string; count: number }[];
};

/** A source that is open. Every text of it is untrusted. */
export type Overview = {
  source: 'file' | 'pack' | 'published';
  name: string;
  bytes: number;
  annotations: number;
  images: number | null;
  entities: number;
  splits: string[];
  facets: Facets;
  /** Problems of the file, by code. */
  problems: { code: string; count: number; examples: string[] }[];
  /** Features that this source or its host lacks. */
  cannot: { what: string; why: string }[];
  /** Address of the images, with `{file_name}` and `{image_id}`. */
  images_at: string | null;
  /** Whether the source has thumbnails of its own. */
  thumbnails: boolean;
  /** Whether annotations list those that look alike. */
  similar: boolean;
  /** Prefix of the paths of thumbnails. */
  base: string;
  provenance: { file: string; bytes: number; sha256?: string }[];
};

/** An entity that a search found; `typo` if its name only resembles the text. */
export type EntityHit = { qid: string; title: string; annotations: number; typo: boolean };

export type Order = 'entity' | 'suspicion' | 'largest' | 'smallest';

/** Conditions of a selection; one that is left out selects everything. */
export type Filter = {
  /** QID or category id. */
  entity?: string;
  split?: string;
  seen?: boolean;
  /** First and last bin of `Facets.area`, inclusive. */
  area?: [number, number];
  /** Bin of `Facets.components`. */
  components?: number;
  /** Lowest level of `Facets.suspicion`. */
  suspicion?: number;
  /** A code of `Facets.findings`. */
  finding?: string;
  order?: Order;
};

/** The number of selected annotations; each facet is counted under the other conditions. */
export type Selection = { annotations: number; facets: Facets };

/** An annotation as the worker describes it. Every text of it is untrusted. */
export type RawItem = {
  row: number;
  id: string;
  imageId: string;
  qid: string;
  title: string;
  file: string | null;
  url: string | null;
  /** Height and width of the image. */
  size: [number, number] | null;
  split: string | null;
  seen: boolean | null;
  textPrompt: string | null;
  question: string | null;
  labels: { text: string; score: number | null }[];
  /** x1, y1, x2, y2 in pixels of the image. */
  boxes: [number, number, number, number][];
  area: number;
  areaShare: number;
  components: number;
  /** From 0 to 1. */
  suspicion: number;
  /** Masks in the published list, which are joined here. */
  parts: number;
  /** Whether a part of the mask is left out. */
  isCut: boolean;
  /** Height and width of the mask. */
  maskSize: [number, number];
  /** Range of the mask's runs in the page's boundaries. */
  boundaries: [number, number];
  findings: { code: string; message: string }[];
  /** Address of a thumbnail, relative to the pack. */
  thumbnail: string | null;
};

/** An annotation with its mask: column-major indices at which the mask's value changes, first to one. */
export type Item = Omit<RawItem, 'boundaries'> & { boundaries: Uint32Array };

/** The objects of an annotation as they were published. */
export type PublishedRecord = {
  annotation: Record<string, unknown>;
  image: Record<string, unknown> | null;
  category: Record<string, unknown> | null;
};

/** Progress of opening a source. */
export type OpeningProgress = { bytes: number; total: number; annotations: number; phase: string };
