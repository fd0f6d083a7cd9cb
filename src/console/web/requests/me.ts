/** Who is signed in. */
import { createContext } from 'preact';
import { useContext } from 'preact/hooks';
import type { Me } from './answers.ts';

export const NOBODY: Me = { name: '', subject: '', groups: [], roles: [], version: '' };
export const MeContext = createContext<Me>(NOBODY);
export const useMe = (): Me => useContext(MeContext);
