import { serveData } from './serveData';
import { tokenCounter } from './tokenCounter';

serveData(tokenCounter);
