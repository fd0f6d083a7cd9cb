/** Of the configuration: addresses. What is reached without TLS is refused wherever it stands. */
import { z } from 'zod';
import { addressProblem } from '../../network/index.js';

/** Something that is spoken to over HTTP. */
export const address = z.string().superRefine((text, context) => {
  const problem = addressProblem(text);
  if (problem !== undefined) context.addIssue({ code: 'custom', message: problem });
});

/** Doubled slashes, dots and slashes in disguise: two spellings of one path would be two issuers, or one that is not recognized. */
const ODD_PATH = /\/\/|\\|%(?:2[ef]|5c)|\s/i;

/** An issuer's name (OpenID Connect Discovery 1.0, section 3) or our own (RFC 9728, section 2): https, without query and fragment. */
export const identifier = address.superRefine((text, context) => {
  if (!URL.canParse(text)) return;
  const { search, hash } = new URL(text);
  if (search !== '' || hash !== '' || /[?#]/.test(text))
    context.addIssue({ code: 'custom', message: 'it has a query or a fragment. Write it without.' });
  if (ODD_PATH.test(text.replace(/^[a-z]+:\/\//i, '')) || /\/\.{1,2}(?:\/|$)/.test(text))
    context.addIssue({
      code: 'custom',
      message: 'its path has doubled slashes, dots or signs in disguise. Write it as it names itself.',
    });
});
