/** The help of `drakkar dlq`. */
export const USAGE = `Usage: drakkar dlq ls|show|stats|redrive [options]

  ls                       the letters, one a line, oldest first
  show LETTER              one letter whole; LETTER as ls names it
  stats                    how many, by stage, verdict, reason, topic and hour
  redrive                  puts letters back; without --yes it only counts

Where they are
  -t, --topic TOPIC        the dead-letter topic; default: that of -c
      --folder DIR         letters in files; default: dlq.path of -c
  -b, --brokers LIST       host:port,…; default: kafka.brokers of -c
  -c, --config FILE        YAML; default: the variable DRAKKAR_CONFIG

Which (ls, stats, redrive; an option that is repeated means any of its values)
      --stage NAME         parse, arrange, task, delivery, …
      --verdict NAME       exit, signal, timeout, …
      --sink KIND:NAME     that refused it
      --since, --until T   when it died: 2h (ago; s, m, h, d), 2026-01-31,
                           2026-01-31T08:00:00Z
      --source PLACE       TOPIC, TOPIC/PARTITION or TOPIC/PARTITION/OFFSET
      --header NAME[=V]    a header of the message, repeated: all of them
      --where PATH[=V]     a field of the JSON value (user.id=7), repeated: all
      --text TEXT          in the value, the reason or the end of stderr
      --limit N            ls: the last N, default 100; redrive: at most N

How they are shown
      --jsonl              ls, show: a line of JSON for each
      --raw                show: the bytes of the value, nothing else

redrive
  -y, --yes                really do it
      --dry-run            only count, also with --yes
      --to TOPIC           another topic than the messages' own
      --to-folder DIR      into files, as letters; nothing is sent
      --rate N             at most N a second
      --max-redrives N     leave what was put back so often; default 3
      --group NAME         who remembers how far it is; default: a name made of
                           the topic and the filter, so that the same command
                           goes on where it ended
  -h, --help               this text

Key, value and headers go back byte for byte, with one header more,
drakkar-redrive-count. What is done is remembered in batches of 100, after the
brokers have acknowledged them: a crash sends at most these again. A letter of a
folder that is back gets .done at the end of its name.

Exit status: 0 done · 2 wrong usage · 3 the brokers failed · 130 interrupted.
`
