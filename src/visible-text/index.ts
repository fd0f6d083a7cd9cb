/**
 * Texts of others as a reader has to see them: what turns around, has no width or mixes scripts is shown as such. Pages, terminal and chats
 * go by it; it knows none of them, and runs in a browser too.
 */
export { isPromptCut, PROMPT_BESIDE, PROMPT_KEPT, untiedWords } from './prompts.js';
export { saidIn } from './said.js';
export { toldLine, toldName } from './told.js';
export { visibleJson, visibleLine, visibleLines, visibleText } from './visible-text.js';
