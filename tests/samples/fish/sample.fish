# Notes on the command line: add, list, search and remove them.

set -g notes_folder ~/.notes
set -q NOTES_EDITOR; or set -g NOTES_EDITOR vi

function notes --description "Keep short notes" --argument-names verb
    switch "$verb"
        case add
            __notes_add $argv[2..]
        case list ''
            __notes_list
        case find
            __notes_find $argv[2..]
        case remove rm
            __notes_remove $argv[2]
        case edit
            __notes_edit $argv[2]
        case '*'
            __notes_usage
            return 2
    end
end

function __notes_usage
    echo "usage: notes add TEXT | list | find WORD | edit NUMBER | remove NUMBER" >&2
end

function __notes_path --argument-names number
    printf '%s/%04d.txt\n' $notes_folder $number
end

function __notes_next
    set -l last 0
    for file in $notes_folder/*.txt
        set -l number (string match -r '\d+' (basename $file))
        if test $number -gt $last
            set last $number
        end
    end
    math $last + 1
end

function __notes_add
    if test (count $argv) -eq 0
        __notes_usage
        return 2
    end
    mkdir -p $notes_folder
    set -l number (__notes_next)
    string join ' ' $argv >(__notes_path $number)
    echo "note $number"
end

function __notes_list
    for file in $notes_folder/*.txt
        set -l number (string replace -r '^0+' '' (basename $file .txt))
        set -l first (head -n 1 $file)
        if test (string length "$first") -gt 60
            set first (string sub -l 57 "$first")...
        end
        printf '%4s  %s\n' $number "$first"
    end
end

function __notes_find --argument-names word
    if not set -q word[1]
        __notes_usage
        return 2
    end
    set -l found 0
    for file in $notes_folder/*.txt
        if grep -qi -- $word $file
            set found (math $found + 1)
            echo (basename $file .txt): (head -n 1 $file)
        end
    end
    test $found -gt 0
end

function __notes_edit --argument-names number
    set -l path (__notes_path $number)
    if not test -e $path
        echo "no note $number" >&2
        return 1
    end
    $NOTES_EDITOR $path
end

function __notes_remove --argument-names number
    set -l path (__notes_path $number)
    test -e $path; and rm $path
    or begin
        echo "no note $number" >&2
        return 1
    end
end

function __notes_numbers; ls $notes_folder | string replace .txt ''; end

function __notes_on_exit --on-event fish_exit
    set -e NOTES_EDITOR
end

complete -c notes -f -n __fish_use_subcommand -a 'add list find edit remove'
complete -c notes -f -n '__fish_seen_subcommand_from edit remove' -a '(__notes_numbers)'
