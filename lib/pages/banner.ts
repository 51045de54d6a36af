import type { Html } from './html.js';
import type { Words } from './words.js';

/** What stands above every page that answers a request, in whichever language. */
export type BannerIn = (words: Words) => Html;

const banners = new WeakMap<object, BannerIn>();

export function noteBanner(request: object, banner: BannerIn): void {
  banners.set(request, banner);
}

export function bannerOf(request: object): BannerIn | undefined {
  return banners.get(request);
}
