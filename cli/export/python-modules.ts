/** Names of Python files. */
import { reserved } from "../../targets/pytorch/names.ts";
import { identifier } from "../../targets/shared/names.ts";

/**
 * The modules of Python 3.8 to 3.14 and of what PyTorch needs: a file of such a name beside a script would be imported in their place. And
 * `train`, which is the training script.
 */
const modules =
  "abc aifc annotationlib antigravity argparse array ast asynchat asyncio asyncore atexit audioop base64 bdb binascii bisect " +
  "builtins bz2 calendar cgi cgitb chunk cmath cmd code codecs codeop collections colorsys compileall compression concurrent " +
  "configparser contextlib contextvars copy copyreg crypt csv ctypes curses dataclasses datetime dbm decimal difflib dis " +
  "distutils doctest email encodings ensurepip enum errno faulthandler fcntl filecmp fileinput filelock fnmatch fractions fsspec " +
  "ftplib functools gc genericpath getopt getpass gettext glob graphlib grp gzip hashlib heapq hmac html http idlelib imaplib " +
  "imghdr imp importlib inspect io ipaddress itertools jinja2 json keyword lib2to3 linecache locale logging lzma mailbox mailcap " +
  "markupsafe marshal math mimetypes mmap modulefinder mpmath msilib msvcrt multiprocessing netrc networkx nis nntplib nt ntpath " +
  "nturl2path numbers numpy opcode operator optparse os ossaudiodev pathlib pdb pickle pickletools pipes pkgutil platform " +
  "plistlib poplib posix posixpath pprint profile pstats pty pwd py_compile pyclbr pydoc pydoc_data pyexpat queue quopri random " +
  "re readline reprlib resource rlcompleter runpy sched secrets select selectors shelve shlex shutil signal site smtpd smtplib " +
  "sndhdr socket socketserver spwd sqlite3 sre_compile sre_constants sre_parse ssl stat statistics string stringprep struct " +
  "subprocess sunau sympy symtable sys sysconfig syslog tabnanny tarfile telnetlib tempfile termios textwrap this threading time " +
  "timeit tkinter token tokenize tomllib torch trace traceback tracemalloc train triton tty turtle turtledemo types typing " +
  "typing_extensions unicodedata unittest urllib uu uuid venv warnings wave weakref webbrowser winreg winsound wsgiref xdrlib xml " +
  "xmlrpc yaml zipapp zipfile zipimport zlib zoneinfo";

const taken: ReadonlySet<string> = new Set(modules.split(" "));

/**
 * What the Python file of a model is called, without `.py`: a name that `import` takes, and that is neither a module of Python's nor the
 * training script's.
 */
export function moduleName(model: string): string {
  const name = identifier(model).toLowerCase();
  return taken.has(name) || reserved.has(name) ? `${name}_model` : name;
}
