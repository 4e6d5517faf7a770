// Opens a form and gives it answers with the engine of ODK Web Forms; prints the times as JSON.
// Arguments: the form (XML), the steps (JSON: [kind, reference, value] each).
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { performance } from 'node:perf_hooks';
import { JSDOM } from 'jsdom';

const { window } = new JSDOM('<!doctype html>');
for (const name of ['DOMParser', 'XMLSerializer', 'Node', 'Element', 'Attr', 'Text', 'Document', 'XMLDocument',
	'XPathResult', 'HTMLElement', 'CharacterData', 'Comment', 'ProcessingInstruction', 'NodeFilter', 'XPathEvaluator']) {
	globalThis[name] ??= window[name];
}
globalThis.document ??= window.document;
globalThis.window ??= window;
// Its expression parser, compiled for a browser, looks for these where it finds itself in Node.
globalThis.require = createRequire(import.meta.url);
globalThis.__dirname = import.meta.dirname;
const { loadForm } = await import('@getodk/xforms-engine');

const [form, stepsFile] = process.argv.slice(2);
const xml = readFileSync(form, 'utf8');
const steps = JSON.parse(readFileSync(stepsFile, 'utf8'));

const open = async () => {
	const began = performance.now();
	const loaded = await loadForm(xml, {
		fetchFormAttachment: async () => new Response('name,label\n'),
		missingResourceBehavior: 'BLANK',
	});
	if (loaded.status === 'failure') throw new Error(loaded.error.message);
	const instance = loaded.createInstance();
	return [instance.root, performance.now() - began];
};

const opened = [];
let root;
for (let time = 0; time < 3; time += 1) {
	const [made, milliseconds] = await open();
	root = made;
	opened.push(milliseconds);
}

const find = (node, reference) => {
	const at = node.currentState.reference;
	if (at === reference) return node;
	if (reference !== at && !reference.startsWith(`${at}/`) && node !== root && node.nodeType !== 'group'
		&& !node.nodeType.startsWith('repeat-range')) return null;
	const children = node.currentState.children;
	for (const child of Array.isArray(children) ? children : []) {
		const found = find(child, reference);
		if (found !== null) return found;
	}
	return null;
};

const give = (node, value) => {
	switch (node.nodeType) {
		case 'select':
			if (node.selectType === 'select1') node.selectValue(value === '' ? null : value);
			else node.selectValues(value === '' ? [] : value.split(' '));
			return;
		case 'rank':
			node.setValues(value.split(' '));
			return;
		case 'trigger':
			node.setValue(value === 'OK');
			return;
		default:
			node.setValue(value);
	}
};

const times = [];
const left = {};
for (const [kind, reference, value] of steps) {
	const node = find(root, reference);
	try {
		if (node === null) throw new Error('not there');
		if (kind === 'add') {
			node.addInstances();
			continue;
		}
		const began = performance.now();
		give(node, value);
		times.push(performance.now() - began);
	} catch (error) {
		const why = String(error?.message ?? error).slice(0, 80);
		left[why] = (left[why] ?? 0) + 1;
	}
}
console.log(JSON.stringify({ opened, times, left }));
