/** @file Scrolls a list that is higher than browsers allow an element to be. */

/** Maximum height of the scrolled element in CSS pixels; browsers stop between 16 and 33 million. */
const MAX_HEIGHT = 8_000_000;

/**
 * The position in a long list. Up to `MAX_HEIGHT` it is the scroller's own; above, the scroll bar
 * covers the list in proportion, while small movements are as far as they are in any list.
 */
export class LongScroll {
  #scroller;
  #spacer;
  #height = 0;
  /** Position in the list in CSS pixels. */
  top = 0;
  /** Value of `scrollTop` that belongs to `top`. */
  #expected = 0;

  /**
   * @param {HTMLElement} scroller
   * @param {HTMLElement} spacer Gives the scroller its height.
   * @param {() => void} moved
   */
  constructor(scroller, spacer, moved) {
    this.#scroller = scroller;
    this.#spacer = spacer;
    scroller.addEventListener('scroll', () => {
      this.#follow();
      moved();
    });
    scroller.addEventListener('scrollend', () => this.#settle());
  }

  /** Sets the height of the whole list. @param {number} height */
  resize(height) {
    this.#height = height;
    this.#spacer.style.height = `${Math.min(height, MAX_HEIGHT)}px`;
    this.moveTo(this.top);
  }

  /** Goes to a position of the list. @param {number} top */
  moveTo(top) {
    this.top = Math.min(Math.max(0, top), this.#range);
    this.#settle();
  }

  get #range() {
    return Math.max(0, this.#height - this.#scroller.clientHeight);
  }

  /** Pixels of the list for each pixel of the scroll bar's way. */
  get #factor() {
    if (this.#height <= MAX_HEIGHT) return 1;
    return this.#range / Math.max(1, MAX_HEIGHT - this.#scroller.clientHeight);
  }

  #follow() {
    const { scrollTop, clientHeight } = this.#scroller;
    const factor = this.#factor;
    const by = scrollTop - this.#expected;
    const isSmall = factor > 1 && Math.abs(by) < 2 * clientHeight;
    const isEnd = scrollTop <= 0 || scrollTop >= MAX_HEIGHT - clientHeight - 1;
    this.top = isSmall && !isEnd ? this.top + by : scrollTop * factor;
    this.top = Math.min(Math.max(0, this.top), this.#range);
    this.#expected = scrollTop;
  }

  /** Moves the scroll bar to where the position belongs. */
  #settle() {
    const scrollTop = this.top / this.#factor;
    if (Math.abs(this.#scroller.scrollTop - scrollTop) >= 1) this.#scroller.scrollTop = scrollTop;
    this.#expected = this.#scroller.scrollTop;
  }
}
