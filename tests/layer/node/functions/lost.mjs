import './nowhere-to-be-found.mjs';
