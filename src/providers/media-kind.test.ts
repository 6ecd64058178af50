import assert from 'node:assert/strict';
import test from 'node:test';
import { fileNameOf, mediaKindOf } from './media-kind.ts';

test('what a link shows is told by the ending of its path', () => {
  const kinds = {
    'https://a.example/hat.jpg': 'image',
    'https://a.example/hat': 'image',
    'https://a.example/hat?file=x.pdf': 'image',
    'https://a.example/hat.MP4': 'video',
    'https://a.example/hat.3gp#t=1': 'video',
    'https://a.example/a/b/terms.pdf?version=2': 'document',
    'https://a.example/terms.DOCX': 'document',
    'not an address.pdf': 'document',
    '': 'image',
  };
  for (const [link, kind] of Object.entries(kinds)) assert.equal(mediaKindOf(link), kind, link);
});

test('a file is called as its path ends', () => {
  assert.equal(fileNameOf('https://a.example/files/invoice%207.pdf?x=1'), 'invoice 7.pdf');
  assert.equal(fileNameOf('https://a.example/50%.pdf'), '50%.pdf');
  assert.equal(fileNameOf('https://a.example/'), null);
});
