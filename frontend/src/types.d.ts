// The shapes that the kernel and the scripts exchange, and the few that several scripts share.

/** What the widgets use of an anywidget model. A page without a kernel has a stand-in for it (see standalone.js). */
export interface Model<Traits> {
  get<Name extends keyof Traits>(name: Name): Traits[Name];
  set<Name extends keyof Traits>(name: Name, value: Traits[Name]): void;
  save_changes(): void;
  send(content: object, callbacks?: undefined, buffers?: ArrayBuffer[]): void;
  // biome-ignore lint/suspicious/noExplicitAny: messages from the kernel are JSON whose `kind` says what is in them
  on(name: string, callback: (...args: any[]) => void): void;
  // biome-ignore lint/suspicious/noExplicitAny: as above
  off(name: string, callback: (...args: any[]) => void): void;
  isStandalone?: boolean;
  /** Of ipywidgets; other front ends have none. */
  widget_manager?: {
    get_model(id: string): Promise<object>;
    create_view(model: object): Promise<{ el: HTMLElement; remove(): void }>;
    kernel?: KernelConnection | null;
  };
}

interface Signal {
  connect(slot: (sender: unknown, value: string) => void): void;
  disconnect(slot: (sender: unknown, value: string) => void): void;
}

/** What the widgets use of Jupyter's connection to a kernel. */
export interface KernelConnection {
  statusChanged?: Signal;
  connectionStatusChanged?: Signal;
  disposed?: Signal;
}

export interface RenderProps<Traits> {
  model: Model<Traits>;
  el: HTMLElement;
}

export type Listen = <Name extends keyof HTMLElementEventMap>(
  target: EventTarget,
  name: Name,
  listener: (event: HTMLElementEventMap[Name]) => void,
) => void;

/** Loads videos by key and counts their users. */
export interface VideoSource {
  load(key: string, onProgress?: (received: number, size: number) => void): Promise<string>;
  release(key: string): void;
  dispose(): void;
}

export interface ChoiceTraits {
  label: string;
  names: string[];
  index: number;
  /** For each name: why it is disabled, or "". */
  reasons: string[];
  hint: string;
  message: string;
}

export interface PickerTraits {
  label: string;
  state: "empty" | "receiving" | "reading" | "ready" | "failed";
  name: string;
  width: number;
  height: number;
  size: number;
  notices: string[];
  caution: string;
  message: string;
  ratio: string;
  fit: string;
  /** The id of the upload that fills the slot, or "". */
  upload: string;
  can_remove: boolean;
  /** Whether the kernel of this view is gone. */
  is_dead: boolean;
}

/** A part of the form: like the model of a widget of its own. */
// biome-ignore lint/suspicious/noExplicitAny: each part has traits of its own
export interface FormPart extends Model<any> {
  /** Sets several values, then tells of those that differ. */
  update(values: Record<string, unknown>): void;
  emit(name: string, ...args: unknown[]): void;
}

/** One field as the kernel describes it; which values there are depends on the field. */
// biome-ignore lint/suspicious/noExplicitAny: see above
export type FormField = Record<string, any>;

/** The saved settings: key and label of each, and the one that was taken up and has not been changed since, or "". */
export interface PresetState {
  options: [key: string, label: string][];
  chosen: string;
  can_save: boolean;
}

/** Everything that the form shows, in the sections that the kernel sends when they change. */
export interface FormState {
  service: { is_sandbox: boolean; balance: string };
  slots: (PickerTraits & { id: string })[];
  /** Between the pictures of a transition; null is the vendor's default. */
  seconds: (number | null)[];
  fields: Record<string, FormField>;
  texts: Record<string, string>;
  presets: PresetState;
  action: { title: string; price: string; is_short: boolean; busy: boolean };
  status: { text: string; tone: string };
  question: { text: string; existing: string; again: string; close: string } | null;
  jobs: JobListTraits;
}

export interface FormTraits {
  initial: FormState;
}

/** One job. Times are Unix seconds. */
export interface JobRow {
  ref: string;
  state: string;
  severity: string;
  prompt: string;
  facts: string;
  error: string;
  details: string;
  notices: string;
  began_at: number;
  ended_at: number | null;
  is_clock_stopped: boolean;
  typical_time: string;
  can_cancel: boolean;
  retry_label: string;
  is_final: boolean;
  cancel_question: string;
  /** What a finished job offers: name and label. */
  actions: [name: string, label: string][];
}

export interface JobListTraits {
  rows: JobRow[];
  more: number;
  /** Whether the kernel of this view is gone; the kernel does not send it. */
  is_dead?: boolean;
}

/** A job or a sweep at one moment. Times are Unix seconds. */
export interface LiveState {
  kind: "job" | "sweep";
  state: string;
  severity: string;
  label: string;
  is_sandbox: boolean;
  is_over: boolean;
  /** Of a job: whether there is a video to play. */
  has_video?: boolean;
  explanation?: string;
  error?: string;
  charge?: string;
  next?: string;
  warning?: string;
  title?: string;
  facts?: string;
  notices?: string;
  began_at: number | null;
  is_clock_stopped: boolean;
  /** The time to show if the clock does not run. */
  clock_text?: string;
  /** The usual time of a job, in seconds. */
  typical_s?: number | null;
  /** The expected end of a sweep. */
  ends_at?: number | null;
  /** The cells of a sweep by state, in the order of the bar. */
  parts?: [name: string, count: number][];
  wanted?: number;
  done?: number;
  /** The buttons: "pause", "resume", "stop", "cancel". */
  actions: string[];
  cancel_question?: string;
  resume_label?: string;
}

export interface LiveCardTraits {
  state: LiveState;
  fallback_class: string;
}

export type RatingChoice = "winner" | "rejected" | "";
export type AxisValue = string | number | boolean | null;

/** One tile of the gallery. Times are Unix seconds. */
export interface GalleryRow {
  key: string;
  caption: string;
  state: string;
  /** The state as people read it. */
  state_label: string;
  severity: string;
  /** What is going on, or why there is no video. */
  detail: string;
  began_at: number | null;
  ended_at: number | null;
  axes: Record<string, AxisValue>;
  metrics: Record<string, number>;
  /** Whether there is a video to play. */
  has_video: boolean;
  ratio: number | null;
  facts: [name: string, text: string][];
  choice: RatingChoice;
  note: string;
}

export interface GalleryTraits {
  title: string;
  rows: GalleryRow[];
  can_compare: boolean;
  /** Keys, in the order of selection. */
  selected: string[];
  fallback_class: string;
  /** Base64 by key; only in a page without a kernel. */
  posters?: Record<string, string>;
}

/** What the tiles are filtered and sorted by. An empty part filters nothing. */
export interface GalleryQuery {
  /** For each axis the values to show, as JSON. */
  axes: Map<string, Set<string>>;
  states: Set<string>;
  ratings: Set<string>;
  metrics: Map<string, [min: number, max: number]>;
  /** "", "axis:NAME", "metric:NAME", "state" or "rating". */
  sort: string;
  isDescending: boolean;
}

export interface CompareVideo {
  slot: string;
  label: string;
  ratio: number | null;
}

/** A video as it is shown: with its number, or without one while people vote. */
export interface ShownVideo extends CompareVideo {
  badge: string;
}

export interface Rank {
  slot: string;
  label: string;
  score: number;
  wins: number;
  losses: number;
  ties: number;
  /** 1 is the best; null without votes. */
  place: number | null;
}

export type VoteResult = "left" | "right" | "tie";

export interface Vote {
  left: string;
  right: string;
  result: VoteResult;
}

export interface CompareTraits {
  title: string;
  videos: CompareVideo[];
  is_blind: boolean;
  /** The slots of the next vote, left and right. */
  pair: string[];
  vote_count: number;
  /** Best first; empty while the comparison is blind. */
  ranks: Rank[];
  frame_rate: number;
  fallback_class: string;
  note?: string;
  message: string;
  /** The labels by slot, as JSON in base64; only in a page without a kernel. */
  hidden_labels?: string;
  /** The pairs to vote on; only in a page without a kernel. */
  schedule?: string[][];
}

export type Layout = "side" | "wipe" | "difference";
