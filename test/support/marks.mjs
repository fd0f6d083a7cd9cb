/** Text without the marks around what others wrote, which are drawn anew for each answer: in the text form, and in fields of the structured one. */
export const withoutMarks = (text) =>
  text
    .replaceAll(/(untrusted-data )[0-9a-f]{12}/g, '$1mark')
    .replaceAll(/(up to the mark )[0-9a-f]{12}/g, '$1mark')
    .replaceAll(/("untrusted_end":")[0-9a-f]{12}/g, '$1mark');
