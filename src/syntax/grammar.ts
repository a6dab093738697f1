/**
 * The grammar of the language as facts for a table: which sequences of symbols make which symbol, and how strongly operators
 * bind. The core's parser is written by hand and does not use it; it serves messages, which have to name the tokens that an
 * LALR(1) parser of this grammar would take, and trees for editors. The order of rules and tokens matters to both.
 */

/** Tokens by number (src/core/token.ts), as messages call them. */
export const tokenNames = [
  'end of file',
  'error',
  'invalid token',
  'identifier',
  'string',
  'indented string',
  'integer',
  'floating-point literal',
  'path',
  "'~/…' path",
  "'<…>' path",
  'end of path',
  'URI',
  "'if'",
  "'then'",
  "'else'",
  "'assert'",
  "'with'",
  "'let'",
  "'in'",
  "'rec'",
  "'inherit'",
  "'=='",
  "'!='",
  "'<='",
  "'>='",
  "'//'",
  "'++'",
  "'&&'",
  "'||'",
  "'->'",
  "'or'",
  "'<|'",
  "'|>'",
  "'${'",
  'start of an indented string',
  'end of an indented string',
  "'...'",
  'start of REPL bindings',
  "'<'",
  "'>'",
  'NOT',
  "'+'",
  "'-'",
  "'*'",
  "'/'",
  "'?'",
  'NEGATE',
  "':'",
  "'@'",
  "';'",
  "'!'",
  "'.'",
  "'\"'",
  "'('",
  "')'",
  "'{'",
  "'}'",
  "'['",
  "']'",
  "'='",
  "','",
] as const;

export const endOfFile = 0;

/** Names of tokens in the rules below that are not their spelling between quotes. */
export const tokenAliases: { readonly [alias: string]: (typeof tokenNames)[number] } = {
  ID: 'identifier',
  TEXT: 'string',
  INDENTED: 'indented string',
  INT: 'integer',
  FLOAT: 'floating-point literal',
  PATH: 'path',
  HOME_PATH: "'~/…' path",
  SEARCH_PATH: "'<…>' path",
  PATH_END: 'end of path',
  URI: 'URI',
  INDENTED_OPEN: 'start of an indented string',
  INDENTED_CLOSE: 'end of an indented string',
  REPL: 'start of REPL bindings',
  NOT: 'NOT',
  NEGATE: 'NEGATE',
};

/** From weak to strong. */
export const precedences = [
  { associates: 'right', tokens: ["'->'"] },
  { associates: 'left', tokens: ["'||'"] },
  { associates: 'left', tokens: ["'&&'"] },
  { associates: 'never', tokens: ["'=='", "'!='"] },
  { associates: 'never', tokens: ["'<'", "'>'", "'<='", "'>='"] },
  { associates: 'right', tokens: ["'//'"] },
  { associates: 'left', tokens: ['NOT'] },
  { associates: 'left', tokens: ["'+'", "'-'"] },
  { associates: 'left', tokens: ["'*'", "'/'"] },
  { associates: 'right', tokens: ["'++'"] },
  { associates: 'never', tokens: ["'?'"] },
  { associates: 'never', tokens: ['NEGATE'] },
] as const;

/**
 * A symbol, a colon and the sequences that make it, each on a line of its own after a bar. `%` gives a sequence the
 * precedence of a token.
 */
export const rules = `
root:
| expression
| REPL bindings
expression:
| function
function:
| ID ':' function
| formalSet ':' function
| formalSet '@' ID ':' function
| ID '@' formalSet ':' function
| 'assert' expression ';' function
| 'with' expression ';' function
| 'let' anyBindings 'in' function
| choice
choice:
| 'if' expression 'then' expression 'else' expression
| pipeFrom
| pipeInto
| operation
pipeFrom:
| operation '<|' pipeFrom
| operation '<|' operation
pipeInto:
| pipeInto '|>' operation
| operation '|>' operation
operation:
| '!' operation %NOT
| '-' operation %NEGATE
| operation '==' operation
| operation '!=' operation
| operation '<' operation
| operation '<=' operation
| operation '>' operation
| operation '>=' operation
| operation '&&' operation
| operation '||' operation
| operation '->' operation
| operation '//' operation
| operation '?' attrPath
| operation '+' operation
| operation '-' operation
| operation '*' operation
| operation '/' operation
| operation '++' operation
| application
application:
| application selection
| selection
selection:
| simple '.' attrPath
| simple '.' attrPath 'or' selection
| simple 'or'
| simple
simple:
| ID
| INT
| FLOAT
| '"' stringParts '"'
| INDENTED_OPEN indentedParts INDENTED_CLOSE
| pathStart PATH_END
| pathStart interpolatedParts PATH_END
| SEARCH_PATH
| URI
| '(' expression ')'
| 'let' '{' anyBindings '}'
| 'rec' '{' anyBindings '}'
| '{' bindings '}'
| '{' '}'
| '[' list ']'
stringParts:
| TEXT
| interpolatedParts
|
interpolatedParts:
| interpolatedParts TEXT
| interpolatedParts '\${' expression '}'
| '\${' expression '}'
| TEXT '\${' expression '}'
pathStart:
| PATH
| HOME_PATH
indentedParts:
| indentedParts INDENTED
| indentedParts '\${' expression '}'
|
anyBindings:
| bindings
|
bindings:
| bindings attrPath '=' expression ';'
| anyBindings 'inherit' names ';'
| anyBindings 'inherit' '(' expression ')' names ';'
| attrPath '=' expression ';'
names:
| names name
| names stringName
|
attrPath:
| attrPath '.' name
| attrPath '.' stringName
| name
| stringName
name:
| ID
| 'or'
stringName:
| '"' stringParts '"'
| '\${' expression '}'
list:
| list selection
|
formalSet:
| '{' formals ',' '...' '}'
| '{' '...' '}'
| '{' formals ',' '}'
| '{' formals '}'
| '{' '}'
formals:
| formals ',' formal
| formal
formal:
| ID
| ID '?' expression
`;
