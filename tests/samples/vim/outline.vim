" An outline of the buffer beside it: headings and functions, indented by their depth.
if exists('g:loaded_outline') || &compatible
  finish
endif
let g:loaded_outline = 1

let s:save_cpo = &cpoptions
set cpoptions&vim

let g:outline_width = get(g:, 'outline_width', 32)
let g:outline_side = get(g:, 'outline_side', 'right')

let s:patterns = {
      \ 'markdown': '^#\+\s',
      \ 'python': '^\s*\%(def\|class\)\s',
      \ 'vim': '^\s*fu\%[nction]!\?\s',
      \ }

" Lines of the buffer that stand in an outline, as [line, depth, text].
function! s:collect(buffer) abort
  let pattern = get(s:patterns, getbufvar(a:buffer, '&filetype'), '')
  if empty(pattern)
    return []
  endif
  let found = []
  let number = 0
  for line in getbufline(a:buffer, 1, '$')
    let number += 1
    if line =~# pattern
      call add(found, [number, s:depth(line), s:title(line)])
    endif
  endfor
  return found
endfunction

function! s:depth(line) abort
  if a:line =~# '^#'
    return len(matchstr(a:line, '^#\+')) - 1
  endif
  return indent(a:line) / max([&shiftwidth, 1])
endfunction

function! s:title(line) abort
  return substitute(trim(a:line), '^#\+\s*', '', '')
endfunction

function! outline#open() abort
  let source = bufnr('%')
  let rows = s:collect(source)
  if empty(rows)
    echo 'outline: nothing to show'
    return
  endif
  let side = g:outline_side ==# 'left' ? 'topleft' : 'botright'
  execute side 'vertical' g:outline_width 'new'
  call s:prepare(source)
  call s:fill(rows)
endfunction

function! s:prepare(source) abort
  setlocal buftype=nofile bufhidden=wipe noswapfile nowrap
  setlocal nonumber norelativenumber winfixwidth
  setlocal filetype=outline
  let b:outline_source = a:source
  nnoremap <buffer> <silent> <CR> :call outline#jump()<CR>
  nnoremap <buffer> <silent> q :close<CR>
  nnoremap <buffer> <silent> r :call outline#refresh()<CR>
endfunction

function! s:fill(rows) abort
  setlocal modifiable
  silent %delete _
  let b:outline_rows = a:rows
  call setline(1, map(copy(a:rows), 'repeat("  ", v:val[1]) . v:val[2]'))
  setlocal nomodifiable
endfunction

function! outline#jump() abort
  let target = b:outline_rows[line('.') - 1][0]
  let window = bufwinnr(b:outline_source)
  if window < 0
    return
  endif
  execute window 'wincmd w'
  execute target
  normal! zvzz
endfunction

function! outline#refresh() abort
  let here = line('.')
  call s:fill(s:collect(b:outline_source))
  call cursor(here, 1)
endfunction

function outline#toggle()
  for window in range(1, winnr('$'))
    if getwinvar(window, '&filetype') ==# 'outline'
      execute window 'close'
      return
    endif
  endfor
  call outline#open()
endfunction

command! -bar Outline call outline#open()
command! -bar OutlineToggle call outline#toggle()

augroup outline
  autocmd!
  autocmd BufWritePost * if exists('b:outline_rows') | call outline#refresh() | endif
augroup END

let &cpoptions = s:save_cpo
unlet s:save_cpo
