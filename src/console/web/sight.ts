/**
 * Everything that any page draws is drawn so that it can be seen: each text and title of each element goes through `visibleText`, on its
 * way from the page's code into the document. No page has to think of it, and none can forget it. What people type stays as it is.
 */
import { options } from 'preact';
import { visibleText } from '../../visible-text/index.js';

/** Attributes that are shown or read out. */
const SHOWN = ['title', 'aria-label', 'alt', 'label'] as const;

function visible(children: unknown): unknown {
  if (typeof children === 'string') return visibleText(children);
  return Array.isArray(children) ? children.map(visible) : children;
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;

const before = options.vnode;
options.vnode = (node) => {
  // A text that stands alone is a node of its own, whose properties are the text.
  const props: unknown = node.props;
  if (typeof props === 'string') Object.assign(node, { props: visibleText(props) });
  else if (isRecord(props)) {
    if ('children' in props) props['children'] = visible(props['children']);
    for (const name of SHOWN) {
      const value = props[name];
      if (typeof value === 'string') props[name] = visibleText(value);
    }
  }
  before?.(node);
};
