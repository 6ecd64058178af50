/** What a link to a file shows. Messages carry one link; vendors want to be told what is behind it. */

/** Kinds that messengers tell apart. */
export type MediaKind = 'image' | 'video' | 'document';

const VIDEOS = /\.(mp4|3gpp?|mov|webm)$/i;
const DOCUMENTS = /\.(pdf|docx?|xlsx?|pptx?|txt|csv|zip)$/i;

/** By the ending of the link's path; whatever has no ending that says otherwise is an image. */
export function mediaKindOf(link: string): MediaKind {
  const path = pathOf(link);
  if (VIDEOS.test(path)) return 'video';
  return DOCUMENTS.test(path) ? 'document' : 'image';
}

/** The last part of the link's path, as a file would be called; null when it has none. */
export function fileNameOf(link: string): string | null {
  const name = pathOf(link).split('/').at(-1)!;
  try {
    return decodeURIComponent(name) || null;
  } catch {
    // A percent sign that encodes nothing: the name as it stands is still a name.
    return name;
  }
}

function pathOf(link: string): string {
  return URL.parse(link)?.pathname ?? link;
}
