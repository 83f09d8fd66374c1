;;; aid-chat.el --- Talking to AID in a Markdown buffer  -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: MIT

;;; Commentary:

;; A chat is a Markdown text: turns under headings, the next prompt below the last one.  It is a buffer like any other;
;; its first line says which chat it is, so a saved one goes on when it is visited again.  Answers are inserted above
;; the next prompt, and not into the person's undo.

;;; Code:

(require 'outline)
(require 'thingatpt)
(require 'aid-client)
(require 'aid-documents)
(require 'aid-proposal)

(declare-function aid--mode-line "aid" ())

(defvar-local aid-chat-id nil "The daemon's name of this chat.")
(put 'aid-chat-id 'safe-local-variable #'stringp)

(defvar-local aid-chat-root nil "The directory of the project that this chat is about.")
(put 'aid-chat-root 'safe-local-variable (lambda (value) (and (stringp value) (not (file-remote-p value)))))

(defconst aid-chat--you "## You\n\n")
(defconst aid-chat--aid "## AID\n\n")

(define-derived-mode aid-chat--plain-mode text-mode "Markdown"
  "Markdown without `markdown-mode'."
  (setq-local outline-regexp "#+ " outline-minor-mode-cycle t)
  (outline-minor-mode 1))

(defalias 'aid-chat--parent-mode (if (require 'markdown-mode nil t) 'markdown-mode 'aid-chat--plain-mode))

(defvar aid-chat-mode-map
  (let ((map (make-sparse-keymap)))
    (define-key map (kbd "C-c C-c") #'aid-chat-send)
    (define-key map (kbd "C-c C-k") #'aid-cancel-here)
    (define-key map (kbd "C-c ,") aid-command-map)
    (define-key map [remap keyboard-quit] #'aid-quit)
    map)
  "Keys in a chat, beside those of `markdown-mode'.")

;;;###autoload
(define-derived-mode aid-chat-mode aid-chat--parent-mode "Chat"
  "A chat with AID about a project: Markdown, and \\[aid-chat-send] sends."
  (setq-local markdown-fontify-code-blocks-natively t
              mode-line-process '(:eval (aid--mode-line)))
  (add-hook 'kill-buffer-hook #'aid-cancel-here nil t)
  (add-hook 'hack-local-variables-hook #'aid-chat--known nil t)
  (aid-proposal-draw))

(defun aid-chat--known ()
  "Take the project and the name of the chat from its first line."
  (setq aid-root (aid--find-root (or aid-chat-root default-directory))
        aid-chat-id (or aid-chat-id (aid-chat--new-id))))

(defun aid-chat--new-id ()
  "Return a name for a new chat."
  (format "emacs-%s-%06x" (format-time-string "%Y%m%d") (random #xffffff)))

(defun aid-chat--buffers (root)
  "Return the chats of the project at ROOT, the last used first."
  (seq-filter (lambda (buffer) (with-current-buffer buffer (and (derived-mode-p 'aid-chat-mode) (equal aid-root root))))
              (buffer-list)))

(defun aid-chat--get (root &optional id)
  "Return a chat of the project at ROOT: its last one, else a new one, named ID."
  (or (unless id (car (aid-chat--buffers root)))
      (with-current-buffer (generate-new-buffer (format "*aid: %s*" (file-name-nondirectory (directory-file-name root))))
        (aid-chat-mode)
        (setq default-directory root aid-root root aid-chat-root root aid-chat-id (or id (aid-chat--new-id)))
        (insert (format "<!-- -*- mode: aid-chat; aid-chat-id: %S; aid-chat-root: %S -*- -->\n\n" aid-chat-id root)
                aid-chat--you)
        (setq buffer-undo-list nil)
        (set-buffer-modified-p nil)
        (current-buffer))))

;;;###autoload
(defun aid-chat (&optional stored)
  "Show this project's chat.
With a prefix argument STORED, choose one that was had before."
  (interactive "P")
  (let ((root (aid-root)))
    (if (not stored) (pop-to-buffer (aid-chat--get root))
      (aid-request root :aid/chats (list :workspace (aid--workspace root)) (apply-partially #'aid-chat--choose root)))))

(defun aid-chat--choose (root result)
  "Let the person choose among RESULT, chats of the project at ROOT, and show it."
  (let* ((titles (mapcar (pcase-lambda ((map :title :chat)) (cons (format "%s (%s)" title chat) chat))
                         (plist-get result :chats)))
         (id (cdr (assoc (completing-read "Chat: " titles nil t) titles))))
    (when id
      (aid-request root :aid/chat (list :workspace (aid--workspace root) :chat id)
                   (lambda (chat)
                     (pop-to-buffer (aid-chat--get root id))
                     (seq-doseq (turn (plist-get chat :turns)) (aid-chat--draw-turn turn)))))))

(defun aid-chat--draw-turn (turn)
  "Put TURN, one that was had before, above the next prompt."
  (let ((end (aid-chat--append (concat aid-chat--you (string-trim (plist-get turn :prompt)) "\n\n" aid-chat--aid))))
    (aid-chat--answer end end turn
                      (lambda (id then) (aid-request aid-root :aid/proposal (list :id id) then #'ignore)))))

;;; Sending

(defun aid-chat--draft ()
  "Return where the next prompt begins: below the person's last heading."
  (save-excursion
    (goto-char (point-max))
    (unless (re-search-backward (concat "^" aid-chat--you) nil t)
      (aid--replace (point-max) (point-max) (concat (if (bolp) "\n" "\n\n") aid-chat--you))
      (re-search-backward (concat "^" aid-chat--you)))
    (match-end 0)))

(defun aid-chat--append (text)
  "Put TEXT above the next prompt and return a marker at its end."
  (let ((start (- (aid-chat--draft) (length aid-chat--you))))
    (aid--replace start start (concat text "\n\n"))
    (copy-marker (+ start (length text)))))

(defun aid-chat-send (&optional start end)
  "Send what stands below the last heading, or the region from START to END."
  (interactive (and (use-region-p) (list (region-beginning) (region-end))))
  (when (aid-asked-from (current-buffer)) (user-error "An answer is coming: C-g cancels it"))
  (let* ((draft (aid-chat--draft)) (below (>= (point) draft))
         (prompt (string-trim (buffer-substring-no-properties (or start draft) (or end (point-max))))))
    (when (string-empty-p prompt) (user-error "Write something below the last heading first"))
    (if start (aid-chat--ask prompt (aid-chat--append (concat aid-chat--you prompt "\n\n" aid-chat--aid)))
      (aid--replace (point-max) (point-max) (concat (if (bolp) "\n" "\n\n") aid-chat--aid "\n\n" aid-chat--you))
      (when below (goto-char (point-max)))
      (aid-chat--ask prompt (copy-marker (- (point-max) (length aid-chat--you) 2))))))

(defun aid-chat--params (prompt)
  "Return the params of PROMPT; what was attached is told apart from its words."
  (let ((files nil) (texts nil) (id aid-chat-id) (attached "^attached: \\(.+\\)\n"))
    (with-temp-buffer
      (insert prompt "\n")
      (goto-char (point-min))
      (while (re-search-forward (concat attached "\\(```+\\).*\n\\(\\(?:.*\n\\)*?\\)\\2\n") nil t)
        (push (list :title (match-string 1) :text (match-string 3)) texts)
        (replace-match ""))
      (goto-char (point-min))
      (while (re-search-forward attached nil t)
        (push (list :path (match-string 1)) files)
        (replace-match ""))
      (list :prompt (string-trim (buffer-string)) :chat id :files (vconcat (nreverse files))
            :attachments (vconcat (nreverse texts))))))

(defun aid-chat--ask (prompt start)
  "Ask PROMPT; the answer streams in at START, a marker."
  (let* ((buffer (current-buffer)) (end (copy-marker start))
         (here (lambda (function)
                 (lambda (value) (when (buffer-live-p buffer) (with-current-buffer buffer (funcall function value)))))))
    (aid-prompt aid-root (aid-chat--params prompt)
                (funcall here (lambda (update)
                                (when (equal (plist-get update :kind) "text")
                                  (setq end (aid--replace end end (plist-get update :text))))))
                (funcall here (lambda (result)
                                (aid-chat--answer start end result (lambda (proposal then) (funcall then proposal)))))
                (funcall here (lambda (why) (aid--replace end end (format "%s_%s_" (if (= start end) "" "\n\n") why)))))))

(defun aid-chat--answer (start end result get)
  "Write RESULT, a prompt's or a turn, in place of what is from START to END.
GET is called with its proposal and a function that takes the whole of it."
  (pcase-let* (((map :prose :reason :candidates :proposal) result)
               (prose (string-trim (or prose "")))
               (plain (and (not (string-empty-p prose)) ; an answer in words is no failure
                           (seq-every-p (lambda (each) (equal (plist-get each :status) "no-edit")) candidates)))
               (text (string-join (delq nil (list (unless (string-empty-p prose) prose)
                                                  (and reason (not plain) (format "_%s_" reason))))
                                  "\n\n"))
               (end (aid--replace start end text)) (buffer (current-buffer)))
    (when proposal
      (funcall get proposal
               (lambda (proposal)
                 (with-current-buffer (if (buffer-live-p buffer) buffer (user-error "The chat is gone"))
                   (aid--replace end end (concat (if (string-empty-p text) "" "\n\n") (aid-proposal-text proposal)))
                   (aid-proposal--show-state proposal)))))))

;;; Appending

(defun aid-chat--attach (title &optional text language)
  "Append TEXT, with TITLE over it, to this project's chat; or the file TITLE.
LANGUAGE is that of the text, else this buffer's."
  (let ((language (or language (aid--language))) (fence (if (and text (string-match-p "^```" text)) "````" "```")))
    (with-current-buffer (aid-chat--get (aid-root))
      (aid-chat--draft)
      (save-excursion
        (goto-char (point-max))
        (insert (if (bolp) "" "\n") "attached: " title "\n"
                (if text (concat fence language "\n" (string-trim-right text "\n+") "\n" fence "\n") "")))
      (dolist (window (get-buffer-window-list nil nil t)) (set-window-point window (point-max)))
      (display-buffer (current-buffer))
      (message "AID: attached %s" title))))

(defun aid-append-region (start end)
  "Append the region from START to END to this project's chat."
  (interactive "r")
  (aid-chat--attach (format "%s:%d-%d" (if buffer-file-name (file-relative-name buffer-file-name (aid-root)) (buffer-name))
                            (line-number-at-pos start t) (line-number-at-pos (max start (1- end)) t))
                    (buffer-substring-no-properties start end)))

(defun aid-append-defun ()
  "Append the function at point to this project's chat."
  (interactive)
  (pcase (bounds-of-thing-at-point 'defun)
    (`(,start . ,end) (aid-append-region start end))
    (_ (user-error "Point is in no function"))))

(defun aid-append-file ()
  "Append this file to this project's chat, with its text as of the sending."
  (interactive)
  (aid-chat--attach (file-relative-name (or buffer-file-name (user-error "This buffer is no file")) (aid-root))))

(declare-function aid--error-at-point "aid" ())

(defun aid-append-error ()
  "Append the build error at point to this project's chat."
  (interactive)
  (pcase-let ((`(,path ,line ,text) (aid--error-at-point)))
    (aid-chat--attach (format "error at %s:%d" (file-relative-name path (aid-root)) line)
                      (or text (user-error "There is no error at point")) "text")))

(defun aid-append-diff ()
  "Append what differs from the last commit to this project's chat."
  (interactive)
  (let* ((default-directory (aid-root)) (aid-root default-directory)
         (words (if (file-exists-p ".hg") '("hg" "diff" "--git") '("git" "diff" "HEAD")))
         (diff (with-output-to-string
                 (with-current-buffer standard-output
                   (unless (eq 0 (apply #'process-file (car words) nil t nil (cdr words)))
                     (user-error "%s: %s" (string-join words " ") (string-trim (buffer-string))))))))
    (aid-chat--attach "diff" (if (string-empty-p diff) (user-error "Nothing differs from the last commit") diff) "diff")))

(provide 'aid-chat)
;;; aid-chat.el ends here
