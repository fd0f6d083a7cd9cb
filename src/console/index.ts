export { consolePage, pageHeaders } from './page.js';
